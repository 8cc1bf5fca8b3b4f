import { expect, test } from 'vitest'
import { compareKeys, makeOrder } from '../../shared/order.ts'
import { randomOf } from '../support/random.ts'

const WAYS = ['up', 'down'] as const

test('keys inserted and removed in any order are walked in theirs, from any of them on, both ways', () => {
  const random = randomOf(1)
  const order = makeOrder(compareKeys)
  const known = new Set<number>()
  const text = (n: number) => String(n).padStart(4, '0')
  for (let round = 0; round < 300; round++) {
    // a look now and then only, so that both few and many are put in their places at once
    for (let i = 0; i < (round % 10) * 6; i++) {
      const n = Math.floor(random() * 2000)
      if (known.delete(n)) order.remove([text(n)])
      else {
        known.add(n)
        order.insert({ key: [text(n)], id: text(n) })
      }
    }
    const up = [...known].sort((a, b) => a - b).map(text)
    const after = round % 3 === 0 ? undefined : [text(Math.floor(random() * 2000))]
    for (const way of WAYS) {
      const rest = up.filter(id => after === undefined || (way === 'up' ? id > (after[0] as string) : id < (after[0] as string)))
      expect([...order.walk(way, after)].map(({ id }) => id)).toEqual(way === 'up' ? rest : rest.reverse())
    }
  }
})
