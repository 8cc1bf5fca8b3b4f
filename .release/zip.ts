import { crc32, deflateRawSync } from 'node:zlib'

/** A file of an archive: where in it, and what. */
export type Entry = { path: string; data: Buffer }

const VERSION = 20
const UTF8 = 0x0800
const DEFLATED = 8
/** 1980-01-01 00:00, the first moment that the format knows: an archive says nothing of when it was made. */
const DATE = 0x0021
const FILE_0644 = 0o100644 * 0x10000

/** A zip of these files, byte for byte the same for the same files (APPNOTE 6.3.10, without zip64: at most 65,535 files and 4 GB). */
export const zip = (entries: readonly Entry[]): Buffer => {
  const bodies: Buffer[] = []
  const directory: Buffer[] = []
  let offset = 0
  for (const { path, data } of entries) {
    const name = Buffer.from(path)
    const packed = deflateRawSync(data, { level: 9 })
    const about = Buffer.alloc(26)
    about.writeUInt16LE(VERSION, 0)
    about.writeUInt16LE(UTF8, 2)
    about.writeUInt16LE(DEFLATED, 4)
    about.writeUInt16LE(DATE, 8)
    about.writeUInt32LE(crc32(data), 10)
    about.writeUInt32LE(packed.length, 14)
    about.writeUInt32LE(data.length, 18)
    about.writeUInt16LE(name.length, 22)
    const outside = Buffer.alloc(14)
    outside.writeUInt32LE(FILE_0644, 6)
    outside.writeUInt32LE(offset, 10)
    const body = Buffer.concat([Buffer.from('PK\x03\x04'), about, name, packed])
    directory.push(Buffer.concat([Buffer.from('PK\x01\x02'), Buffer.from([VERSION, 3]), about, outside, name]))
    bodies.push(body)
    offset += body.length
  }
  const end = Buffer.alloc(18)
  end.writeUInt16LE(entries.length, 4)
  end.writeUInt16LE(entries.length, 6)
  end.writeUInt32LE(Buffer.concat(directory).length, 8)
  end.writeUInt32LE(offset, 12)
  return Buffer.concat([...bodies, ...directory, Buffer.from('PK\x05\x06'), end])
}
