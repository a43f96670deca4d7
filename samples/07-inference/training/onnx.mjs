// Writes ONNX files: what onnx.proto (github.com/onnx/onnx) says of a graph of operators on float tensors, and no more.
const varint = n => {
  const bytes = [];
  for (n = BigInt.asUintN(64, BigInt(n)); n >= 0x80n; n >>= 7n) bytes.push(Number(n & 0x7fn) | 0x80);
  return Buffer.from([...bytes, Number(n)]);
};
const number = (field, n) => Buffer.concat([varint(field << 3), varint(n)]);
const bytes = (field, b) => Buffer.concat([varint((field << 3) | 2), varint(b.length), b]);
const text = (field, s) => bytes(field, Buffer.from(s));

const FLOAT = 1, INTS = 7, INT = 2;

/** A constant: numbers, row by row. */
export const constant = (name, dims, values) =>
  bytes(5, Buffer.concat([...dims.map(d => number(1, d)), number(2, FLOAT), text(8, name), bytes(9, Buffer.from(Float32Array.from(values).buffer))]));

/** An attribute of an operator: an integer, or a list of them. */
export const attribute = (name, value) =>
  bytes(5, Array.isArray(value) ? Buffer.concat([text(1, name), ...value.map(v => number(8, v)), number(20, INTS)]) : Buffer.concat([text(1, name), number(3, value), number(20, INT)]));

/** An operator of the graph. */
export const node = (op, inputs, output, ...attributes) =>
  bytes(1, Buffer.concat([...inputs.map(i => text(1, i)), text(2, output), text(4, op), ...attributes]));

const value = (field, name, dims) =>
  bytes(field, Buffer.concat([text(1, name), bytes(2, bytes(1, Buffer.concat([number(1, FLOAT), bytes(2, Buffer.concat(dims.map(d => bytes(1, typeof d === 'string' ? text(2, d) : number(1, d)))))])))]));

/** A model file: IR version 8, operator set 13. A dimension that is a string may be any. */
export const model = ({ name, inputs, outputs, parts }) => {
  const graph = Buffer.concat([...parts, text(2, name), ...inputs.map(i => value(11, ...i)), ...outputs.map(o => value(12, ...o))]);
  return Buffer.concat([number(1, 8), bytes(8, Buffer.concat([text(1, ''), number(2, 13)])), bytes(7, graph)]);
};
