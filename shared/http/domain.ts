import domain from 'node:domain'

/**
 * Keeps functions-framework from running each request in a domain of its own. A domain's hooks follow every promise and timer
 * to its end, which doubles what they cost, and a pooled connection would belong for good to the request that happened to open
 * it. Nothing is lost: serve renders every error, and one that escapes it ends the process, as it should.
 */
export const withoutDomains = (): void => {
  const none = { on: () => none, run: (work: () => unknown) => work() }
  domain.create = () => none as unknown as domain.Domain
}
