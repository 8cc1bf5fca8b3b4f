import { createPublicKey, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'

/** Just enough of X.509 for a certificate authority of our own (RFC 5280, in DER): Node can read certificates, not make them. */
const der = (tag: number, ...parts: Buffer[]): Buffer => {
  const body = Buffer.concat(parts)
  const { length } = body
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255]
  return Buffer.concat([Buffer.from([tag, ...size]), body])
}
const sequence = (...parts: Buffer[]) => der(0x30, ...parts)
const bits = (bytes: Buffer) => der(0x03, Buffer.from([0]), bytes)
const hex = (text: string) => Buffer.from(text, 'hex')

const ECDSA_SHA256 = sequence(hex('06082a8648ce3d040302'))
const BASIC_CONSTRAINTS = hex('0603551d13')
const COMMON_NAME = hex('0603550403')

const nameOf = (name: string) => sequence(der(0x31, sequence(COMMON_NAME, der(0x0c, Buffer.from(name)))))

/** GeneralizedTime, whole seconds in UTC. */
const timeOf = (milliseconds: number) => der(0x18, Buffer.from(`${new Date(milliseconds).toISOString().replace(/[-:T]|\..*/g, '')}Z`))

const pem = (bytes: Buffer) =>
  `-----BEGIN CERTIFICATE-----\n${bytes.toString('base64').replace(/.{64}/g, '$&\n')}\n-----END CERTIFICATE-----\n`

/** What signs: an authority's name and private key. */
export type Authority = { name: string; key: KeyObject; certificate: string }

const LONG_AGO = Date.UTC(2020, 0)
const FAR_AWAY = Date.UTC(2049, 0)

const signed = (issuer: Pick<Authority, 'name' | 'key'>, name: string, publicKey: KeyObject, until: number, authority: boolean): string => {
  const constraints = sequence(BASIC_CONSTRAINTS, der(0x01, hex('ff')), der(0x04, sequence(der(0x01, hex('ff')))))
  const content = sequence(
    der(0xa0, der(0x02, hex('02'))),
    der(0x02, Buffer.concat([hex('01'), randomBytes(8)])),
    ECDSA_SHA256,
    nameOf(issuer.name),
    sequence(timeOf(LONG_AGO), timeOf(until)),
    nameOf(name),
    publicKey.export({ type: 'spki', format: 'der' }),
    ...(authority ? [der(0xa3, sequence(constraints))] : []),
  )
  return pem(sequence(content, ECDSA_SHA256, bits(sign('sha256', content, issuer.key))))
}

const makeKeys = () => generateKeyPairSync('ec', { namedCurve: 'P-256' })

export const makeAuthority = (name: string): Authority => {
  const { privateKey: key, publicKey } = makeKeys()
  return { name, key, certificate: signed({ name, key }, name, publicKey, FAR_AWAY, true) }
}

/** A certificate for somebody's public key (PEM), until a time in milliseconds since 1970. */
export const certify = (authority: Authority, name: string, publicKey: string, until: number): string =>
  signed(authority, name, createPublicKey(publicKey), until, false)

/** A certificate with a key of its own, for a server. */
export const makeIdentity = (authority: Authority, name: string): { cert: string; key: string } => {
  const { privateKey, publicKey } = makeKeys()
  return {
    cert: signed(authority, name, publicKey, FAR_AWAY, false),
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
  }
}
