import type { Codec } from './cache.ts'

/** Any text, as JSON. */
export const text: Codec<string> = { encode: value => value, decode: value => value, size: value => 2 * value.length }

/** Bytes. */
export const bytes: Codec<Uint8Array> = {
  encode: value => Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64'),
  decode: value => Buffer.from(value, 'base64'),
  size: value => value.byteLength,
}

/** Vectors of 32-bit floats, exactly: little-endian, as every machine that we run on has them. */
export const vector: Codec<Float32Array> = {
  encode: value => bytes.encode(new Uint8Array(value.buffer, value.byteOffset, value.byteLength)),
  // a copy: Buffer's own memory need not begin where a float may
  decode: value => new Float32Array(new Uint8Array(bytes.decode(value)).buffer),
  size: value => value.byteLength,
}
