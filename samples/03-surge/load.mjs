// A burst of requests for the node of a data folder, and what it did to the node: node load.mjs DATA SECONDS CLIENTS.
// Waits for the node, rests two seconds, sends, waits until the app is at zero again, and ends the node.
// Exit code 0: the app went up, every request was answered, and it came back to zero.
import http from 'node:http';
import { join } from 'node:path';
import { setTimeout as rest } from 'node:timers/promises';

const [data, seconds, clients] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4])];
if (!data || !(seconds > 0) || !(clients >= 1 && clients <= 10000)) {
  console.error('usage: node load.mjs DATA SECONDS CLIENTS');
  process.exit(64);
}
const patience = 60_000;
const agent = new http.Agent({ keepAlive: true, maxSockets: clients });

function get(options) {
  return new Promise((resolve, reject) => {
    const request = http.get({ timeout: 30_000, ...options }, (answer) => {
      const chunks = [];
      answer.on('data', (c) => chunks.push(c));
      answer.on('end', () => resolve({ status: answer.statusCode, body: Buffer.concat(chunks).toString() }));
      answer.on('error', reject);
    });
    request.on('timeout', () => request.destroy(new Error('no answer in 30 s')));
    request.on('error', reject);
  });
}

/** What the node does now; null while it does not run. */
async function node() {
  try {
    return JSON.parse((await get({ socketPath: join(data, 'control.sock'), path: '/v1/apps', agent: false })).body);
  } catch (e) {
    if (e.code === 'ENOENT' || e.code === 'ECONNREFUSED') return null;
    throw e;
  }
}

/** Asks until it is so. */
async function until(isSo, what) {
  for (const end = Date.now() + patience; Date.now() < end; await rest(100)) {
    const now = await node();
    if (isSo(now)) return now;
  }
  throw new Error(`${what}: not within ${patience / 1000} s`);
}

const live = (now) => now.components.reduce((sum, c) => sum + c.microvms_live, 0);
const isAtZero = (now) => now?.components.every((c) => c.state === 'zero' && c.microvms_live === 0);

let pid;
try {
  const first = await until((now) => now?.http, 'a node with HTTP');
  pid = first.process_id;
  if (!isAtZero(first)) throw new Error('the app is not at zero at the start');
  await rest(Math.min(2000, seconds * 1000));
  const url = new URL(first.http);
  const result = { answered: 0, other: 0, lost: 0, why: '' };
  const end = Date.now() + seconds * 1000;
  let sending = true, most = 0, memory = first.resident_bytes;
  const watch = (async () => {
    while (sending) {
      const now = await node();
      if (now) [most, memory] = [Math.max(most, live(now)), Math.max(memory, now.resident_bytes)];
      await rest(50);
    }
  })();
  await Promise.all(Array.from({ length: clients }, async () => {
    while (Date.now() < end) {
      try {
        const { status } = await get({ host: url.hostname, port: url.port, path: '/', agent });
        if (status === 200) result.answered++;
        else result.other++;
      } catch (e) {
        result.lost++;
        result.why ||= e.message;
        await rest(100); // a node that is gone is not asked as fast as it can be
      }
    }
  }));
  const done = Date.now();
  sending = false;
  agent.destroy();
  await watch;
  const last = await until(isAtZero, 'back at zero');
  const zero = Date.now();
  await rest(1000); // for the view
  const mib = (bytes) => `${(bytes / 1048576).toFixed(1)} MiB`;
  console.log(`${result.answered} requests answered in ${seconds} s, ${result.other} refused or failed, ${result.lost} lost${result.why ? ` (${result.why})` : ''}`);
  console.log(`0 -> ${most} -> 0 microVMs; at zero ${((zero - done) / 1000).toFixed(1)} s after the last answer`);
  console.log(`memory in RAM: ${mib(first.resident_bytes)} before, ${mib(memory)} at most, ${mib(last.resident_bytes)} at zero`);
  process.exitCode = result.answered > 0 && most > 1 && result.other + result.lost === 0 ? 0 : 1;
} catch (e) {
  console.error(`load.mjs: ${e.message}`);
  process.exitCode = 1;
} finally {
  if (pid) {
    try {
      process.kill(pid, 'SIGTERM');
    } catch {
      // It has ended by itself.
    }
  }
}
