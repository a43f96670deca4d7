// Pictures as the node sends them: 48 bytes that say what they are, and the pixels as a component gets them.

const HEADER = 48;

/** What a picture's first bytes say; null where it is none that this page knows. */
export function read(buffer) {
  if (buffer.byteLength < HEADER) return null;
  const view = new DataView(buffer);
  if (view.getUint8(0) !== 1) return null;
  const format = String.fromCharCode(...new Uint8Array(buffer, 32, 16)).replace(/\0.*$/s, '');
  const picture = {
    camera: view.getUint16(2, true),
    width: view.getUint32(4, true),
    height: view.getUint32(8, true),
    stride: view.getUint32(12, true),
    sequence: Number(view.getBigUint64(16, true)),
    time: Number(view.getBigUint64(24, true)),
    format,
    buffer,
  };
  return picture.width > 0 && picture.height > 0 && formats[format] ? picture : null;
}

/** Draws a picture's pixels onto a canvas, which becomes as large as it is. */
export function draw(picture, canvas) {
  const { width, height, stride, format, buffer } = picture;
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
  }
  const context = canvas.getContext('2d', { alpha: false });
  if (!canvas.image || canvas.image.width !== width || canvas.image.height !== height) canvas.image = context.createImageData(width, height);
  const from = new Uint8Array(buffer, HEADER);
  formats[format](from, canvas.image.data, width, height, stride);
  context.putImageData(canvas.image, 0, 0);
}

/** By FFmpeg's names: bytes as they lie, to red, green, blue and an alpha of 255. */
const formats = {
  gray: (from, to, width, height, stride) => {
    const words = new Uint32Array(to.buffer);
    for (let y = 0, o = 0; y < height; y++) {
      for (let i = y * stride, end = i + width; i < end; i++) words[o++] = 0xff000000 | (from[i] * 0x010101);
    }
  },
  // The upper half of each value.
  gray16le: (from, to, width, height, stride) => {
    const words = new Uint32Array(to.buffer);
    for (let y = 0, o = 0; y < height; y++) {
      for (let i = y * stride + 1, end = i + 2 * width; i < end; i += 2) words[o++] = 0xff000000 | (from[i] * 0x010101);
    }
  },
  rgb24: (from, to, width, height, stride) => packed(from, to, width, height, stride, 3, 0, 2),
  bgr24: (from, to, width, height, stride) => packed(from, to, width, height, stride, 3, 2, 0),
  rgba: (from, to, width, height, stride) => packed(from, to, width, height, stride, 4, 0, 2),
  yuv420p: (from, to, width, height, stride) => {
    const half = (width + 1) >> 1, u = stride * height, v = u + half * ((height + 1) >> 1);
    colour(from, to, width, height, stride, half, 1, u, v);
  },
  nv12: (from, to, width, height, stride) => {
    const u = stride * height;
    colour(from, to, width, height, stride, 2 * ((width + 1) >> 1), 2, u, u + 1);
  },
};

function packed(from, to, width, height, stride, bytes, red, blue) {
  for (let y = 0, o = 0; y < height; y++) {
    for (let x = 0, i = y * stride; x < width; x++, i += bytes, o += 4) {
      to[o] = from[i + red];
      to[o + 1] = from[i + 1];
      to[o + 2] = from[i + blue];
      to[o + 3] = 255;
    }
  }
}

// BT.601, 16 to 235, as cameras give it. One value of each colour for four pixels.
function colour(from, to, width, height, stride, colourStride, step, u, v) {
  for (let y = 0, o = 0; y < height; y++) {
    const row = (y >> 1) * colourStride;
    for (let x = 0; x < width; x++, o += 4) {
      const light = 1.164 * (from[y * stride + x] - 16), at = row + (x >> 1) * step;
      const b = from[u + at] - 128, r = from[v + at] - 128;
      to[o] = light + 1.596 * r;
      to[o + 1] = light - 0.392 * b - 0.813 * r;
      to[o + 2] = light + 2.017 * b;
      to[o + 3] = 255;
    }
  }
}
