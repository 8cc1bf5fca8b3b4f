import { z } from 'zod'
import { Refusal } from '../errors.ts'
import { serviceTokens } from '../token.ts'
import type { Objects } from './objects.ts'

/** Where Cloud Storage and the metadata server are; `bucket` may be followed by a folder: `name/folder`. */
export type BucketOptions = { bucket: string; storageUrl: string; metadataUrl: string; now?: () => number }

const TIMEOUT_MS = 5000
const Listing = z.object({ items: z.array(z.object({ name: z.string() })).default([]), nextPageToken: z.string().optional() })

/** Objects of a Cloud Storage bucket, over its JSON API with the token of this function's service account. */
export const bucketObjects = ({ bucket, storageUrl, metadataUrl, now }: BucketOptions): Objects => {
  const [name, ...folder] = bucket.split('/')
  const prefix = folder.map(segment => `${segment}/`).join('')
  const objects = `/storage/v1/b/${name}/o`
  const token = serviceTokens(metadataUrl, now)

  const send = async (path: string, more: RequestInit = {}): Promise<Response> => {
    const headers = { authorization: `Bearer ${await token()}`, 'content-type': 'application/json' }
    return reach(storageUrl + path, { ...more, headers })
  }

  return {
    create: async (object, text) => {
      const query = new URLSearchParams({ uploadType: 'media', name: prefix + object, ifGenerationMatch: '0' })
      const response = await send(`/upload${objects}?${query}`, { method: 'POST', body: text })
      if (response.status === 412) return false
      ok(response, 'the bucket')
      return true
    },
    read: async object => ok(await send(`${objects}/${encodeURIComponent(prefix + object)}?alt=media`), 'the bucket').text(),
    async *list(folder, from) {
      const asked = { prefix: `${prefix}${folder}/`, startOffset: prefix + from, fields: 'items(name),nextPageToken' }
      for (let page: string | undefined = ''; page !== undefined; ) {
        const query = new URLSearchParams({ ...asked, ...(page === '' ? {} : { pageToken: page }) })
        const listing = Listing.parse(await ok(await send(`${objects}?${query}`), 'the bucket').json())
        for (const item of listing.items) yield item.name.slice(prefix.length)
        page = listing.nextPageToken
      }
    },
  }
}

const reach = (url: string, options: RequestInit): Promise<Response> =>
  fetch(url, { ...options, signal: AbortSignal.timeout(TIMEOUT_MS) }).catch(cause => {
    throw new Refusal('unavailable', 'what is kept outside of the database cannot be reached', { retryAfter: 5, cause })
  })

const ok = (response: Response, who: string): Response => {
  if (!response.ok) throw new Refusal('unavailable', `${who} answered ${response.status}`, { retryAfter: 5 })
  return response
}
