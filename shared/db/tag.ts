import type { Statement } from './batch.ts'

/** A statement under a route: the same one, with the route in a comment of its text. */
export type Tag = (route: string | undefined, statement: Statement) => Statement

/** As sqlcommenter writes them (google.github.io/sqlcommenter): Query Insights, the slow query log and pg_stat_activity then show the route. */
const commentOf = (route: string): string => ` /*route='${encodeURIComponent(route).replaceAll("'", '%27')}'*/`

/**
 * Tags statements by the route that sends them. A route's statement has one text and one name of its own, made once: it is prepared
 * once a connection, and there are no more of them than routes use.
 */
export const makeTag = (): Tag => {
  const routes = new Map<string, { number: number; comment: string; texts: Map<string, { of: string; as: string; text: string }> }>()
  return (route, statement) => {
    if (route === undefined) return statement
    let known = routes.get(route)
    if (!known) {
      known = { number: routes.size + 1, comment: commentOf(route), texts: new Map() }
      routes.set(route, known)
    }
    const { name, text, nameless } = statement
    if (nameless) return { ...statement, text: text + known.comment }
    let tagged = known.texts.get(name)
    if (tagged?.of !== text) {
      if (tagged) throw new Error(`two statements are named '${name}'`)
      tagged = { of: text, as: `${name} ${known.number}`, text: text + known.comment }
      known.texts.set(name, tagged)
    }
    return { ...statement, as: tagged.as, text: tagged.text }
  }
}
