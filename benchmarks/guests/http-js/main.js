// Answers GET /hello as guests/http does, and nothing else.
addEventListener('fetch', (event) => event.respondWith(answer(event.request)));

function answer(request) {
  if (request.method === 'GET' && new URL(request.url).pathname === '/hello') {
    return new Response('Hello from a microVM\n', { headers: { 'content-type': 'text/plain' } });
  }
  return new Response('no such test\n', { status: 404, headers: { 'content-type': 'text/plain' } });
}
