// What an app says about a picture, drawn over it: zones, lines, boxes with their tracks and scores. What comes is a
// component's word: every number is looked at, everything is bounded, and words are only ever drawn as text.

const MOST_BOXES = 200, MOST_SHAPES = 32, MOST_POINTS = 64, MOST_WORDS = 40, MOST_TRAIL = 40, MOST_TRAILS = 200, MOST_HISTORY = 64;
const FLASH = 2000; // milliseconds that an alert's box is shown

// Bright on any picture, since each has a dark edge; what is unusual is also thicker and says so.
const USUAL = '#62f08a', UNUSUAL = '#ff6b5e', LINE = '#6bb8ff', ZONE = '#ffe04a', ALERT = '#ffffff';

const finite = (v) => typeof v === 'number' && Number.isFinite(v);
const words = (v) => (typeof v === 'string' ? v : finite(v) ? String(v) : '').slice(0, MOST_WORDS);

function boxOf(b) {
  if (!b || !Array.isArray(b.box) || b.box.length !== 4 || !b.box.every((v) => finite(v) && v >= -1 && v <= 2)) return null;
  return { box: b.box, track: finite(b.track) ? b.track : null, label: words(b.label), score: finite(b.score) ? b.score : null };
}

const boxesOf = (list) => (Array.isArray(list) ? list.slice(0, MOST_BOXES).map(boxOf).filter(Boolean) : []);

function shapesOf(list) {
  if (!Array.isArray(list)) return [];
  return list.slice(0, MOST_SHAPES).map((s) => ({
    label: words(s?.label),
    points: (Array.isArray(s?.points) ? s.points : []).slice(0, MOST_POINTS).filter((p) => Array.isArray(p) && finite(p[0]) && finite(p[1])),
  })).filter((s) => s.points.length > 1);
}

/** What can be drawn of a message; null where nothing can. */
export function drawable(data) {
  if (!data || !['boxes', 'lines', 'zones'].some((k) => Array.isArray(data[k]))) return null;
  const threshold = finite(data.threshold) ? data.threshold : Infinity;
  const scores = Object.entries(data)
    .filter(([k, v]) => finite(v) && !['sequence', 'timestamp', 'width', 'height', 'threshold'].includes(k))
    .slice(0, 6)
    .map(([name, value]) => ({ name: words(name), value, unusual: name === 'anomaly' && value > threshold }));
  return { sequence: finite(data.sequence) ? data.sequence : null, threshold, boxes: boxesOf(data.boxes), lines: shapesOf(data.lines), zones: shapesOf(data.zones), scores };
}

/** What is drawn over one camera's pictures. */
export class Drawing {
  #history = [];
  #flashes = [];
  #trails = new Map();

  /** Something to draw, which says of which picture it is. */
  add(drawn) {
    this.#history.push(drawn);
    if (this.#history.length > MOST_HISTORY) this.#history.shift();
    for (const { track, box } of drawn.boxes) {
      if (track === null) continue;
      const trail = this.#trails.get(track) ?? [];
      trail.push([box[0] + box[2] / 2, box[1] + box[3]]);
      if (trail.length > MOST_TRAIL) trail.shift();
      this.#trails.set(track, trail);
    }
    // Those that are gone, and where there are very many the oldest.
    const here = new Set(drawn.boxes.map((b) => b.track));
    for (const track of this.#trails.keys()) {
      if (!here.has(track) || this.#trails.size > MOST_TRAILS) this.#trails.delete(track);
    }
  }

  /** An alert's boxes are shown for a while. */
  flash(data, text) {
    for (const box of [boxOf(data), ...boxesOf(data?.boxes)].filter(Boolean)) this.#flashes.push({ ...box, label: words(text), until: performance.now() + FLASH });
    this.#flashes = this.#flashes.slice(-MOST_BOXES);
  }

  /** What was said of a picture; of one that nothing was said of, what was said last before it. */
  at(sequence) {
    let found = null;
    for (const drawn of this.#history) {
      if (drawn.sequence === null || drawn.sequence <= sequence) found = drawn;
    }
    // The camera was opened anew, or what is said has no numbers.
    return found ?? this.#history.at(-1) ?? null;
  }

  /** Draws what was said of a picture. */
  draw(canvas, sequence) {
    const scale = Math.min(window.devicePixelRatio || 1, 3), w = canvas.clientWidth, h = canvas.clientHeight;
    const width = Math.max(1, Math.round(w * scale)), height = Math.max(1, Math.round(h * scale));
    if (canvas.width !== width || canvas.height !== height) {
      canvas.width = width;
      canvas.height = height;
    }
    const c = canvas.getContext('2d');
    c.setTransform(scale, 0, 0, scale, 0, 0);
    c.clearRect(0, 0, w, h);
    c.font = '600 13px system-ui, "DejaVu Sans", sans-serif';
    c.textBaseline = 'middle';
    c.lineJoin = 'round';
    const now = performance.now(), drawn = this.at(sequence);
    this.#flashes = this.#flashes.filter((f) => f.until > now);
    canvas.dataset.boxes = String(drawn?.boxes.length ?? 0);
    for (const zone of drawn?.zones ?? []) shape(c, zone, w, h, ZONE, true);
    for (const line of drawn?.lines ?? []) shape(c, line, w, h, LINE, false);
    for (const b of drawn?.boxes ?? []) {
      const unusual = b.score !== null && b.score > drawn.threshold, tint = unusual ? UNUSUAL : USUAL;
      way(c, this.#trails.get(b.track) ?? [], w, h, tint);
      const name = b.label || (b.track !== null ? `#${b.track}` : '');
      boxed(c, b.box, w, h, tint, unusual ? 4 : 2, `${name}${b.score !== null ? ` ${b.score.toFixed(2)}` : ''}${unusual ? ' !' : ''}`.trim());
    }
    for (const f of this.#flashes) boxed(c, f.box, w, h, ALERT, 3, f.label);
  }
}

/** A stroke with a dark edge, so that it is seen on bright and on dark. */
function stroke(c, tint, width) {
  c.strokeStyle = 'rgba(0,0,0,.7)';
  c.lineWidth = width + 2;
  c.stroke();
  c.strokeStyle = tint;
  c.lineWidth = width;
  c.stroke();
}

function shape(c, { points, label }, w, h, tint, closed) {
  c.beginPath();
  points.forEach(([x, y], i) => (i ? c.lineTo(x * w, y * h) : c.moveTo(x * w, y * h)));
  if (closed) {
    c.closePath();
    c.fillStyle = `${tint}1f`;
    c.fill();
  }
  c.setLineDash(closed ? [9, 6] : []);
  stroke(c, tint, 2);
  c.setLineDash([]);
  if (label) tag(c, label, points[0][0] * w, points[0][1] * h + 10, tint, w, h);
}

function way(c, points, w, h, tint) {
  if (points.length < 2) return;
  c.beginPath();
  points.forEach(([x, y], i) => (i ? c.lineTo(x * w, y * h) : c.moveTo(x * w, y * h)));
  c.strokeStyle = tint;
  c.globalAlpha = 0.6;
  c.lineWidth = 2;
  c.stroke();
  c.globalAlpha = 1;
}

function boxed(c, [x, y, bw, bh], w, h, tint, width, text) {
  c.beginPath();
  c.rect(x * w, y * h, bw * w, bh * h);
  stroke(c, tint, width);
  if (text) tag(c, text, x * w, y * h - 10, tint, w, h);
}

/** Words on a dark ground, within the picture. */
function tag(c, text, x, y, tint, w, h) {
  const width = c.measureText(text).width + 8;
  const left = Math.max(0, Math.min(x, w - width)), middle = Math.max(9, Math.min(y, h - 9));
  c.fillStyle = 'rgba(0,0,0,.75)';
  c.fillRect(left, middle - 9, width, 18);
  c.fillStyle = tint;
  c.fillText(text, left + 4, middle + 1);
}
