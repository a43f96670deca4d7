// Answers with what it was asked, as JSON; the body comes back as text.
import { get } from 'wasi:config/store@0.2.0-rc.1';
import { log } from 'wasi:logging/logging@0.1.0-draft';

addEventListener('fetch', (event) => event.respondWith(handle(event.request)));

async function handle(request) {
  const url = new URL(request.url);
  log('info', '', `${request.method} ${url.pathname}`);
  const answer = {
    greeting: `${get('greeting') ?? 'Hello'} from JavaScript`,
    method: request.method,
    path: url.pathname,
    query: Object.fromEntries(url.searchParams),
    body: await request.text(),
  };
  return Response.json(answer);
}
