import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { EmbeddingStore, NewEmbedding } from '../../functions/knowledge/embeddings.store.ts'
import type { Scope } from '../../shared/db/scope.ts'
import { idOfKey } from '../../shared/embeddings/key.ts'
import { newId } from '../../shared/id.ts'
import { canonicalText, LosslessNumber } from '../../shared/json.ts'
import { parse } from '../../shared/record.ts'
import { at, expectLater, type Made, type Make, there } from './support.ts'

/** What every store of vectors does. */
export const embeddingContract = (kind: string, make: Make<{ embeddings: EmbeddingStore }>) =>
  describe(`embeddings, ${kind}`, () => {
    let made: Made<{ embeddings: EmbeddingStore }>
    let embeddings: EmbeddingStore
    beforeAll(async () => {
      made = await make()
      embeddings = made.stores.embeddings
    })
    afterAll(() => made.stop())

    const own = (): Scope => made.scope(newId('org'))
    const of = (hash: string, embedding: NewEmbedding['embedding'], model = 'm'): NewEmbedding => ({
      id: idOfKey({ provider: 'caller', model, dimensions: embedding.length, hash }),
      model,
      hash,
      embedding,
    })
    const found = async (scope: Scope, hashes: string[], model = 'm') =>
      (await embeddings.lookup(scope, model, hashes)).map(row => row && parse(row))

    test('vectors are found in the order that they are asked for, null where there is none, twice where asked for twice', async () => {
      const scope = own()
      await embeddings.put(scope, [of('b', [2, 3]), of('a', [1]), of('c', [0.5, -1])], at(1))
      expect(await found(scope, ['a', 'none', 'c', 'a'])).toEqual([
        { model: 'm', hash: 'a', dimensions: 1, embedding: [1] },
        null,
        { model: 'm', hash: 'c', dimensions: 2, embedding: [0.5, -1] },
        { model: 'm', hash: 'a', dimensions: 1, embedding: [1] },
      ])
      expect(await found(scope, ['none'])).toEqual([null])
    })

    test('numbers come back with every digit, also those that 32 bits do not hold', async () => {
      const scope = own()
      const literals = [
        '0.1',
        '-0.000001',
        '0.1234567890123456789',
        '0.30000000000000004',
        '1e-50',
        '16777217',
        '3.4028234e38',
        '-0.0',
        '1e2',
      ]
      const given = literals.map(literal => new LosslessNumber(literal))
      await embeddings.put(scope, [of('a', given)], at(1))
      const [row] = await embeddings.lookup(scope, 'm', ['a'])
      expect(canonicalText(parse(there(row ?? undefined)).embedding)).toBe(canonicalText(given))
    })

    test('what is put again replaces what was there, digits and all', async () => {
      const scope = own()
      await embeddings.put(scope, [of('a', [new LosslessNumber('0.1234567890123456789'), 1])], at(1))
      const [first] = await embeddings.lookup(scope, 'm', ['a'])
      await embeddings.put(scope, [of('a', [2, 1])], at(2))
      const [second] = await embeddings.lookup(scope, 'm', ['a'])
      expect(parse(there(second ?? undefined)).embedding).toEqual([2, 1])
      expectLater(there(second ?? undefined), there(first ?? undefined))
    })

    test('of two lengths under one model and hash the latest is found', async () => {
      const scope = own()
      await embeddings.put(scope, [of('a', [1, 2])], at(1))
      await embeddings.put(scope, [of('a', [1, 2, 3])], at(2))
      expect(await found(scope, ['a'])).toMatchObject([{ dimensions: 3 }])
      await embeddings.put(scope, [of('a', [4, 5])], at(3))
      expect(await found(scope, ['a'])).toMatchObject([{ embedding: [4, 5] }])
    })

    test('models and organizations are kept apart', async () => {
      const [mine, theirs] = [own(), own()]
      await embeddings.put(mine, [of('a', [1]), of('a', [2], 'other')], at(1))
      expect(await found(mine, ['a'])).toMatchObject([{ embedding: [1] }])
      expect(await found(mine, ['a'], 'other')).toMatchObject([{ embedding: [2] }])
      expect(await found(mine, ['a'], 'third')).toEqual([null])
      expect(await found(theirs, ['a'])).toEqual([null])
    })

    test('a thousand vectors of 1,536 numbers are found at once', async () => {
      const scope = own()
      const many = Array.from({ length: 1000 }, (_, i) => of(`hash-${i}`, Array(1536).fill(i / 8)))
      for (let n = 0; n < many.length; n += 250) await embeddings.put(scope, many.slice(n, n + 250), at(1))
      const rows = await found(
        scope,
        many.map(({ hash }) => hash),
      )
      expect(rows.map(row => row?.embedding[1535])).toEqual(many.map((_, i) => i / 8))
    })
  })
