// Answers every message on hello/NAME with one on the topic `greetings`.
import { get } from 'wasi:config/store@0.2.0-rc.1';
import { log } from 'wasi:logging/logging@0.1.0-draft';
import { send } from 'wasi:messaging/producer@0.2.0-draft';
import { Client, Message } from 'wasi:messaging/types@0.2.0-draft';

export const incomingHandler = {
  handle(message) {
    const name = message.topic().split('/').at(-1);
    const text = new TextDecoder().decode(message.data());
    log('info', '', `${name} says: ${text}`);

    const answer = `${get('greeting') ?? 'Hello'}, ${name}! You said: ${text}`;
    send(Client.connect(''), 'greetings', new Message(new TextEncoder().encode(answer)));
  },
};
