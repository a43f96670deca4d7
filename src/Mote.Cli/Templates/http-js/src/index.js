// Answers every request with a greeting. What the web has is here: Request, Response, URL, streams, fetch.
import { get } from 'wasi:config/store@0.2.0-rc.1';
import { log } from 'wasi:logging/logging@0.1.0-draft';

addEventListener('fetch', (event) => event.respondWith(handle(event.request)));

async function handle(request) {
  const { pathname } = new URL(request.url);
  log('info', '', `${request.method} ${pathname}`);
  const name = decodeURIComponent(pathname.split('/')[1]) || 'world';
  return new Response(`${get('greeting') ?? 'Hello'}, ${name}!\n`, { headers: { 'content-type': 'text/plain; charset=utf-8' } });
}
