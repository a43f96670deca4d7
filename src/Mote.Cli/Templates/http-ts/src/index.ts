// Answers every request with a greeting. What the web has is here: Request, Response, URL, streams, fetch.
import { get } from 'wasi:config/store@0.2.0-rc.1';
import { log } from 'wasi:logging/logging@0.1.0-draft';

interface Greeting {
  text: string;
  status: number;
}

addEventListener('fetch', (event) => (event as FetchEvent).respondWith(handle((event as FetchEvent).request)));

async function handle(request: Request): Promise<Response> {
  const { pathname } = new URL(request.url);
  log('info', '', `${request.method} ${pathname}`);
  const greeting = greet(pathname);
  return new Response(greeting.text, { status: greeting.status, headers: { 'content-type': 'text/plain; charset=utf-8' } });
}

function greet(pathname: string): Greeting {
  const name = decodeURIComponent(pathname.split('/')[1] ?? '') || 'world';
  return { text: `${get('greeting') ?? 'Hello'}, ${name}!\n`, status: 200 };
}
