// The page of the view: lets itself in, shows what the node sends, and comes back by itself when the node does.
import { draw, read } from './picture.js';
import { Drawing, drawable } from './drawing.js';

const PROTOCOL = 'mote-view.1', KEY = 'mote-view-key';
const MOST_MESSAGES = 50, MOST_CAMERAS = 16, MOST_WORDS = 400, LONGEST_WAIT = 10_000;

const $ = (id) => document.getElementById(id);
const count = new Intl.NumberFormat('en');
const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false });

let socket = null;
let status = null;
let chosen = null; // the name of the camera that is shown alone; null for all
let failures = 0;
let retry = 0;
let shown = ''; // which cameras the page has places for
const cards = []; // by the camera's number

// ---- words about the connection ----

function link(state, text) {
  $('link').dataset.state = state;
  if ($('link').textContent !== text) $('link').textContent = text;
}

function notice(title, text) {
  $('notice').hidden = !title;
  if ($('notice-title').textContent !== title) $('notice-title').textContent = title;
  if ($('notice-text').textContent !== text) $('notice-text').textContent = text;
}

function uninvited(why) {
  link('bad', 'not connected');
  notice(why, 'Run `mote view` on this device, in the app’s folder, and open the address that it prints. It is good once, for two minutes.');
}

// ---- the session and the stream ----

/** An invitation stands behind the # of the address, where no server and no log sees it. */
async function enter() {
  const invitation = location.hash.slice(1);
  if (!invitation) return true;
  history.replaceState(null, '', location.pathname);
  let answer;
  try {
    answer = await fetch('session', { method: 'POST', body: invitation, headers: { 'Content-Type': 'text/plain' } });
  } catch {
    uninvited('The node does not answer.');
    return false;
  }
  if (answer.ok) {
    sessionStorage.setItem(KEY, (await answer.json()).key);
    return true;
  }
  if (sessionStorage.getItem(KEY)) return true; // the page was loaded again from the same address
  uninvited('This invitation is over, or was used before.');
  return false;
}

async function start() {
  clearTimeout(retry);
  if (await enter()) connect();
}

function connect() {
  const key = sessionStorage.getItem(KEY);
  if (!key) {
    uninvited('Nobody has invited this page.');
    return;
  }
  const before = socket;
  const ws = new WebSocket(`${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/stream`, [PROTOCOL, `key.${key}`]);
  socket = ws;
  before?.close();
  ws.binaryType = 'arraybuffer';
  ws.onmessage = (e) => {
    if (ws !== socket) return;
    if (typeof e.data === 'string') take(JSON.parse(e.data));
    else picture(e.data);
  };
  ws.onclose = (e) => {
    if (ws !== socket) return;
    socket = null;
    document.body.classList.add('gone');
    for (const card of cards) {
      card.next = null;
      card.state.dataset.state = 'bad';
      card.state.textContent = 'no connection';
    }
    if (e.code === 4001) over();
    else again();
  };
}

function over() {
  sessionStorage.removeItem(KEY);
  uninvited('This session is over.');
}

/** Tries until the node is there again, less and less often. */
function again() {
  const wait = Math.min(LONGEST_WAIT, 500 * 2 ** failures++);
  link('bad', 'node gone');
  if (failures > 1) notice('The node does not answer.', 'It may have been stopped, or is starting again. This page connects by itself when it is there.');
  clearTimeout(retry);
  retry = setTimeout(async () => {
    let answer;
    try {
      answer = await fetch('session', { headers: { 'Mote-View-Key': sessionStorage.getItem(KEY) ?? '' } });
    } catch {
      again();
      return;
    }
    if (answer.status === 401) over();
    else if (answer.status === 503) {
      link('wait', 'waiting for a place');
      notice('As many pages as may be are open already.', 'This one connects by itself when one of them is closed.');
      failures = 3;
      again503();
    } else connect();
  }, wait);
}

function again503() {
  clearTimeout(retry);
  retry = setTimeout(connect, 5000);
}

function ask(request) {
  if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(request));
}

/** The cameras that are shown, and none while nobody sees the page. */
function watch() {
  const ids = document.hidden ? [] : cards.map((c, id) => (chosen === null || c.name === chosen ? id : -1)).filter((id) => id >= 0);
  ask({ watch: ids.slice(0, MOST_CAMERAS) });
}

function take(line) {
  if (line.type === 'status') state(line);
  else if (line.type === 'message') message(line);
}

// ---- what the node says every second ----

function state(now) {
  const first = failures > 0 || !status;
  status = now;
  failures = 0;
  document.body.classList.remove('gone');
  link('good', `live, ${now.remote ? 'also for other machines' : 'on this device only'}${now.viewers > 1 ? `, ${now.viewers} pages` : ''}`);
  $('node').textContent = now.node;
  document.title = `${now.node} – Mote view`;
  lay(now, first);
  now.cameras.forEach((camera, id) => about(cards[id], camera));
  const missing = now.missing.map((m) => `${m.component} wants the camera “${m.name}”: add ${m.name} = "/dev/video0", or a URL, a file or a folder, under [cameras] of node.toml.`);
  if (missing.length) notice('This node does not have a camera that an app wants.', missing.join('\n'));
  else if (!now.cameras.length) notice('No app of this node has a camera.', 'An app gets one by [[trigger.camera]] in its mote.toml, and shows messages here by a grant `view`.');
  else notice('', '');
  $('said').hidden = false;
  $('traffic').hidden = now.apps.length === 0;
  pairs($('apps'), now.apps.map((a) => [a.name, `${bytes(a.bytesIn)} came, ${bytes(a.bytesOut)} left${a.bytesIn > 0 ? ` (${percent(a.bytesIn, a.bytesOut)} saved)` : ''}`]));
  privacy(now.privacy);
}

/** Sentences with names in backquotes. They change with the node only. */
function privacy(lines) {
  $('privacy').hidden = lines.length === 0;
  if ($('lines').dataset.of === lines.join('\n')) return;
  $('lines').dataset.of = lines.join('\n');
  $('lines').replaceChildren(...lines.map((line) => {
    const item = document.createElement('li');
    item.append(...line.split('`').map((part, i) => {
      if (i % 2 === 0) return part;
      const name = document.createElement('code');
      name.textContent = part;
      return name;
    }));
    return item;
  }));
}

/** A place for each camera; anew where they are others than before. */
function lay(now, first) {
  const key = JSON.stringify(now.cameras.map((c) => [c.name, c.pictures]));
  if (key !== shown) {
    shown = key;
    cards.length = 0;
    $('cameras').replaceChildren(...now.cameras.map((camera) => place(camera)));
    if (!now.cameras.some((c) => c.name === chosen)) chosen = null;
    choices(now.cameras);
    first = true;
  }
  if (first) watch();
}

function place(camera) {
  const element = $('camera').content.firstElementChild.cloneNode(true);
  const find = (selector) => element.querySelector(selector);
  const card = {
    name: camera.name, element, frame: find('.frame'), pixels: find('.pixels'), drawing: find('.drawing'), waiting: find('.waiting'), state: find('.state'),
    fault: find('.fault'), saved: find('.saved strong'), savedOf: find('.saved span'), scores: find('.scores'), counts: find('.counts'),
    over: new Drawing(), next: null, sequence: null,
  };
  find('h2').textContent = camera.name;
  find('.pictures').textContent = camera.pictures;
  card.pixels.setAttribute('aria-label', `What the camera ${camera.name} sees`);
  cards.push(card);
  return element;
}

function choices(cameras) {
  const names = [...new Set(cameras.map((c) => c.name))];
  $('choice').hidden = names.length < 2;
  const button = (text, name) => {
    const b = document.createElement('button');
    b.type = 'button';
    b.textContent = text;
    b.setAttribute('aria-pressed', String(chosen === name));
    b.onclick = () => choose(name);
    b.dataset.name = name ?? '';
    return b;
  };
  $('choice').replaceChildren(button('All cameras', null), ...names.map((n) => button(n, n)));
  for (const card of cards) card.element.hidden = chosen !== null && card.name !== chosen;
}

function choose(name) {
  chosen = name;
  for (const b of $('choice').children) b.setAttribute('aria-pressed', String(b.dataset.name === (name ?? '')));
  for (const card of cards) card.element.hidden = chosen !== null && card.name !== chosen;
  watch();
}

function about(card, camera) {
  const [kind, text] = camera.fault ? ['bad', 'no pictures'] : camera.state === 'streaming' ? ['good', 'pictures come'] : camera.state === 'ended' ? ['wait', 'over'] : ['wait', 'opening'];
  card.state.dataset.state = kind;
  card.state.textContent = text;
  card.fault.hidden = !camera.fault;
  const fault = camera.fault ? `${camera.fault}. The node goes on trying.` : '';
  if (card.fault.textContent !== fault) card.fault.textContent = fault;
  card.waiting.textContent = card.sequence !== null ? '' : camera.fault ? 'No picture' : camera.state === 'ended' ? 'The recording is over.' : 'Waiting for a picture';
  card.saved.textContent = camera.bytesIn > 0 ? percent(camera.bytesIn, camera.bytesOut) : '–';
  card.savedOf.textContent = camera.bytesIn > 0 ? `of the traffic saved: ${bytes(camera.bytesIn)} seen, ${bytes(camera.bytesOut)} sent` : 'nothing seen yet';
  pairs(card.counts, [['frames', count.format(camera.frames)], ['dropped', count.format(camera.dropped)], ['failed at', count.format(camera.failed)], ['given to', camera.components.join(', ')]]);
}

function pairs(at, rows) {
  rows.forEach(([name, value, unusual], i) => {
    let row = at.children[i];
    if (!row) {
      row = at.appendChild(document.createElement('div'));
      row.append(document.createElement('dt'), document.createElement('dd'));
    }
    row.className = unusual ? 'unusual' : '';
    if (row.firstChild.textContent !== name) row.firstChild.textContent = name;
    if (row.lastChild.textContent !== value) row.lastChild.textContent = value;
  });
  while (at.children.length > rows.length) at.lastChild.remove();
}

function bytes(n) {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let unit = 0;
  for (; n >= 1024 && unit < units.length - 1; unit++) n /= 1024;
  return `${unit ? n.toFixed(1) : n} ${units[unit]}`;
}

/** Never more than it is: what has been sent is not rounded away. */
function percent(came, left) {
  return `${(Math.floor((100 * 1000 * (came - left)) / came) / 1000).toFixed(left > 0 ? 3 : 0)} %`;
}

// ---- pictures ----

function picture(buffer) {
  const p = read(buffer);
  const card = p && cards[p.camera];
  if (!card) return;
  const waits = card.next !== null;
  card.next = p;
  // Where the page is not seen this does not come, and neither does the next picture.
  if (!waits) requestAnimationFrame(() => paint(card, p.camera));
}

function paint(card, id) {
  const p = card.next;
  card.next = null;
  if (!p) return;
  draw(p, card.pixels);
  card.frame.style.setProperty('--aspect', p.width / p.height);
  card.sequence = p.sequence;
  card.waiting.textContent = '';
  overlay(card);
  ask({ drawn: id });
}

function overlay(card) {
  card.over.draw(card.drawing, card.sequence ?? Infinity);
  const drawn = card.over.at(card.sequence ?? Infinity);
  pairs(card.scores, (drawn?.scores ?? []).map((s) => [s.name, s.value.toFixed(2), s.unusual]));
}

// ---- what the apps say ----

function message(m) {
  const drawn = drawable(m.data);
  for (const card of cards) {
    if (card.name !== m.camera) continue;
    if (m.forView && drawn) {
      card.over.add(drawn);
      // What was said of the picture that is there comes after it.
      if (card.sequence !== null && !card.next) overlay(card);
    } else card.over.flash(m.data, typeof m.data?.event === 'string' ? m.data.event : m.topic);
  }
  if (m.forView && drawn && m.camera) return;
  const item = document.createElement('li'), time = document.createElement('time'), text = document.createElement('span'), from = document.createElement('small');
  time.textContent = clock.format(m.at);
  time.dateTime = new Date(m.at).toISOString();
  text.textContent = inWords(m);
  from.textContent = `${m.app}/${m.component}${m.camera ? `, ${m.camera}` : ''}, on ${m.topic}${m.forView ? ' (for the view only)' : ''}`;
  item.append(time, text, from);
  $('messages').prepend(item);
  while ($('messages').children.length > MOST_MESSAGES) $('messages').lastChild.remove();
  $('silent').hidden = true;
}

/** A message in a line: what it says first, without what stands beside it anyway. */
function inWords(m) {
  if (m.text !== undefined) return m.text || '(an empty message)';
  if (m.data === undefined) return `${bytes(m.bytes)} that are no text`;
  const beside = ['camera', 'sequence', 'timestamp', 'box', ...(m.data.state === 'event' && m.data.event ? ['state'] : [])];
  const value = (v) => (Array.isArray(v) ? `${v.length} of them` : v !== null && typeof v === 'object' ? '{…}' : typeof v === 'number' && !Number.isInteger(v) ? v.toFixed(3) : v);
  const parts = Object.entries(m.data).filter(([k]) => !beside.includes(k)).map(([k, v]) => `${k}: ${value(v)}`);
  const line = parts.join(', ') || '{}';
  return line.length > MOST_WORDS ? `${line.slice(0, MOST_WORDS - 1)}…` : line;
}

addEventListener('hashchange', start);
document.addEventListener('visibilitychange', watch);
addEventListener('resize', () => {
  for (const card of cards) overlay(card);
});
start();
