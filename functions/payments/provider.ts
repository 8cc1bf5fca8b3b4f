import type { Answer, Operation, ProviderEvent } from './store.ts'

/** A webhook as it was delivered. */
export type Delivery = { headers: { readonly [name: string]: string | string[] | undefined }; body: Buffer; now: number }

/**
 * Somebody outside who moves money. Each operation carries its own key (`operation.id`), under which asking again changes nothing.
 * A refusal of the provider is an answer with `refused`; whatever leaves the outcome open throws.
 */
export type Provider = {
  name: string
  authorize(operation: Operation): Promise<Answer>
  capture(operation: Operation): Promise<Answer>
  cancel(operation: Operation): Promise<Answer>
  refund(operation: Operation): Promise<Answer>
  /**
   * The event that a webhook tells, undefined where it is none of ours. Throws unauthenticated when the signature is wrong, or its
   * time too far from ours.
   */
  hear(delivery: Delivery): ProviderEvent | undefined
}

/** The providers outside, by name. `manual`, whose outcomes the callers report, is none of them. */
export type Providers = ReadonlyMap<string, Provider>
