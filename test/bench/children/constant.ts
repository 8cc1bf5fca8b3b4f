/** The ceiling: functions-framework and a handler that answers a constant (BODY). */
import { serveAlone } from './serving.ts'

const body = process.env.BODY ?? '{}'
const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }

serveAlone((_, response) => {
  response.writeHead(200, headers)
  response.end(body)
})
