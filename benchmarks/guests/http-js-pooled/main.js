// Answers GET /hello as guests/http-js does, on the interface itself: componentize-js's fetch event is for one request only.
import { Fields, OutgoingBody, OutgoingResponse, ResponseOutparam } from 'wasi:http/types@0.2.10';

const text = new TextEncoder();

export const incomingHandler = {
  handle(request, out) {
    const found = request.method().tag === 'get' && request.pathWithQuery() === '/hello';
    const response = new OutgoingResponse(Fields.fromList([['content-type', text.encode('text/plain')]]));
    response.setStatusCode(found ? 200 : 404);
    const body = response.body();
    ResponseOutparam.set(out, { tag: 'ok', val: response });
    const stream = body.write();
    stream.blockingWriteAndFlush(text.encode(found ? 'Hello from a microVM\n' : 'no such test\n'));
    stream[Symbol.dispose]();
    OutgoingBody.finish(body, undefined);
  },
};
