import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'

const keyOf = (credential: string) => Buffer.from(hkdfSync('sha256', credential, '', 'agenthub kept answer', 32))

/** Encrypts a kept answer that holds a secret, so that only the credential that asked for it can read it again (AES-256-GCM). */
export const sealText = (text: string, credential: string): string => {
  const nonce = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', keyOf(credential), nonce)
  return Buffer.concat([nonce, cipher.update(text), cipher.final(), cipher.getAuthTag()]).toString('base64')
}

/** Opens what sealText made; throws when the credential is another. */
export const openText = (sealed: string, credential: string): string => {
  const bytes = Buffer.from(sealed, 'base64')
  const decipher = createDecipheriv('aes-256-gcm', keyOf(credential), bytes.subarray(0, 12))
  decipher.setAuthTag(bytes.subarray(-16))
  return Buffer.concat([decipher.update(bytes.subarray(12, -16)), decipher.final()]).toString()
}
