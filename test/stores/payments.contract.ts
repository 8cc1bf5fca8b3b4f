import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { IntentStore, Move, NewIntent, TransactionStore } from '../../functions/payments/store.ts'
import type { Scope } from '../../shared/db/scope.ts'
import { newId } from '../../shared/id.ts'
import { parse } from '../../shared/record.ts'
import { all, at, expectLater, expectRow, expectSame, expectStale, type Made, type Make, there, walk } from './support.ts'

type Stores = { intents: IntentStore; transactions: TransactionStore }

const NEW: NewIntent = {
  ...{ id: 'p', amount: 1000, currency: 'usd', capture_method: 'manual', provider: 'manual', metadata: { order: 1 }, at: at(1) },
}

/** What every store of payments does, whatever it keeps them in, with the provider `manual`. */
export const paymentContract = (kind: string, make: Make<Stores>) =>
  describe(`payments, ${kind}`, () => {
    let made: Made<Stores>
    let intents: IntentStore
    let transactions: TransactionStore
    beforeAll(async () => {
      made = await make()
      ;({ intents, transactions } = made.stores)
    })
    afterAll(() => made.stop())

    const own = (): Scope => made.scope(newId('org'))
    const wire = (scope: Scope, { at: created_at, confirm: _, ...intent }: NewIntent, more: object = {}) => ({
      ...{ organization_id: scope.organization_id, currency_exponent: 2, status: 'requires_confirmation', cancellation_reason: null },
      ...{ amount_capturable: 0, amount_received: 0, amount_refunded: 0, created_at, updated_at: created_at },
      ...intent,
      ...more,
    })
    const create = async (scope: Scope, more: Partial<NewIntent> = {}) => {
      const { row, posted } = there(await intents.create(scope, { ...NEW, ...more }))
      if (more.confirm) await transactions.note(scope, [more.confirm.transaction], posted)
      return row
    }
    let serial = 0
    const moveOf = (kind: Move['kind'], more: Partial<Move> = {}): Move => {
      const id = String(++serial).padStart(5, '0')
      return { kind, operation: `pop_${id}`, transaction: `txn_${id}`, at: at(2), ...more }
    }
    const move = async (scope: Scope, kind: Move['kind'], more: Partial<Move> = {}) => {
      const asked = moveOf(kind, more)
      const { row, posted } = there(await intents.move(scope, 'p', asked))
      await transactions.note(scope, [asked.transaction], posted)
      return row
    }
    const refused = (work: Promise<unknown>, detail: string) =>
      expect(work).rejects.toMatchObject({ code: 'conflict', message: expect.stringContaining(detail) })
    const posted = async (scope: Scope) =>
      (await transactions.list(scope, all, { intent_id: 'p' })).items
        .map(row => parse(row))
        .map(({ type, amount, metadata }) => [type, amount, metadata])
        .reverse()

    test('an intent is answered as it was created, and read so again; a taken id is undefined', async () => {
      const scope = own()
      const row = await create(scope)
      expectRow(row, wire(scope, NEW))
      expectSame(await intents.get(scope, 'p'), row)
      expect(await intents.create(scope, { ...NEW, amount: 5, confirm: moveOf('confirm') })).toBeUndefined()
      expectSame(await intents.get(scope, 'p'), row)
      expect(await intents.get(own(), 'p')).toBeUndefined()
    })

    test('what is not there is undefined, whatever is done to it', async () => {
      const scope = own()
      for (const kind of ['confirm', 'capture', 'cancel', 'refund'] as const)
        expect(await intents.move(scope, 'p', moveOf(kind))).toBeUndefined()
      expect(await intents.get(scope, 'p')).toBeUndefined()
      expect(await intents.update(scope, 'p', {}, at(2), '1')).toBeUndefined()
      expect(await transactions.get(scope, 'p')).toBeUndefined()
    })

    test('an intent is confirmed as it is created, and its charge is noted', async () => {
      const scope = own()
      const confirm = moveOf('confirm', { at: at(1) })
      const row = await create(scope, { capture_method: 'automatic', confirm })
      expectRow(row, wire(scope, { ...NEW, capture_method: 'automatic' }, { status: 'succeeded', amount_received: 1000 }))
      expectRow(await transactions.get(scope, confirm.transaction), {
        ...{ id: confirm.transaction, organization_id: scope.organization_id, intent_id: 'p', type: 'charge', amount: 1000 },
        ...{ currency: 'usd', status: 'completed', metadata: {}, created_at: at(1), updated_at: at(1) },
      })
    })

    test('each step answers the sums and leaves its transaction', async () => {
      const scope = own()
      const first = await create(scope)
      const after = (status: string, amount_capturable: number, amount_received: number, amount_refunded: number) =>
        wire(scope, NEW, { status, amount_capturable, amount_received, amount_refunded, updated_at: at(2) })
      const held = await move(scope, 'confirm')
      expectRow(held, after('requires_capture', 1000, 0, 0))
      expectLater(held, first)
      expectRow(await move(scope, 'capture', { amount: 300 }), after('requires_capture', 700, 300, 0))
      await refused(move(scope, 'capture', { amount: 701 }), 'only 700 can still be captured, not 701')
      await refused(move(scope, 'refund', { amount: 301 }), 'only 300 can still be refunded, not 301')
      expectRow(await move(scope, 'refund', { amount: 100, reason: 'late' }), after('requires_capture', 700, 300, 100))
      expectRow(await move(scope, 'capture'), after('succeeded', 0, 1000, 100))
      for (const kind of ['confirm', 'capture', 'cancel'] as const) await refused(move(scope, kind), 'the payment intent is succeeded')
      expectRow(await move(scope, 'refund'), after('succeeded', 0, 1000, 1000))
      await refused(move(scope, 'refund'), 'only 0 can still be refunded')
      expect(await posted(scope)).toEqual([
        ['capture', 300, {}],
        ['refund', -100, { reason: 'late' }],
        ['capture', 700, {}],
        ['refund', -900, {}],
      ])
    })

    test('a cancellation lets go what is not captured, and keeps the rest and its reason', async () => {
      const scope = own()
      await create(scope, { confirm: moveOf('confirm') })
      await move(scope, 'capture', { amount: 10 })
      const more = { status: 'canceled', amount_received: 10, cancellation_reason: 'sold out', updated_at: at(2) }
      expectRow(await move(scope, 'cancel', { reason: 'sold out' }), wire(scope, NEW, more))
      expect(await posted(scope)).toEqual([
        ['capture', 10, {}],
        ['void', 990, { reason: 'sold out' }],
      ])
    })

    test('an outcome that is no success leaves nothing authorized', async () => {
      const scope = own()
      await create(scope)
      for (const [outcome, status] of [
        ['requires_action', 'requires_action'],
        ['failed', 'requires_payment_method'],
      ] as const)
        expectRow(await move(scope, 'confirm', { outcome }), wire(scope, NEW, { status, updated_at: at(2) }))
      await refused(move(scope, 'capture'), 'the payment intent is requires_payment_method: it cannot be captured')
      expect(await posted(scope)).toEqual([])
    })

    test('what is paid changes until it was confirmed, metadata at any time, and an old version changes nothing', async () => {
      const scope = own()
      const first = await create(scope)
      const patch = { amount: 5, currency: 'kwd', capture_method: 'automatic' as const, metadata: { a: null } }
      const second = there(await intents.update(scope, 'p', patch, at(2), first.version))
      expectRow(second, wire(scope, NEW, { ...patch, currency_exponent: 3, updated_at: at(2) }))
      await expectStale(intents.update(scope, 'p', { amount: 6 }, at(2), first.version))
      await move(scope, 'confirm')
      await refused(intents.update(scope, 'p', { amount: 6 }, at(2), undefined), 'was confirmed')
      await expectStale(intents.update(scope, 'p', { metadata: {} }, at(3), second.version))
      expect(parse(there(await intents.update(scope, 'p', { metadata: {} }, at(3), undefined))).metadata).toEqual({})
    })

    test('lists are newest first, and their pages hold each record once', async () => {
      const scope = own()
      for (const [i, n] of [3, 1, 2, 2].entries()) {
        const confirm = moveOf('confirm', { at: at(n) })
        await create(scope, { id: `i${i}`, capture_method: 'automatic', at: at(n), confirm })
      }
      for (const limit of [1, 3, 200]) {
        expect((await walk(slice => intents.list(scope, slice), limit)).flat()).toEqual(['i0', 'i3', 'i2', 'i1'])
        const ids = (await walk(slice => transactions.list(scope, slice, {}), limit)).flat()
        const of = await Promise.all(ids.map(async id => parse(there(await transactions.get(scope, id))).intent_id))
        expect(of).toEqual(['i0', 'i3', 'i2', 'i1'])
      }
      expect((await transactions.list(scope, all, { intent_id: 'i2' })).items).toHaveLength(1)
      expect((await intents.list(own(), all)).items).toEqual([])
    })

    test('of many captures at once as many are made as there is money for', async () => {
      const scope = own()
      await create(scope, { confirm: moveOf('confirm') })
      const tries = await Promise.allSettled(Array.from({ length: 8 }, () => move(scope, 'capture', { amount: 300 })))
      expect(tries.filter(({ status }) => status === 'fulfilled')).toHaveLength(3)
      expect(parse(there(await intents.get(scope, 'p')))).toMatchObject({ amount_received: 900, amount_capturable: 100 })
      expect(await posted(scope)).toHaveLength(3)
    })
  })
