import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http'

type Listener = (request: IncomingMessage, response: ServerResponse) => Promise<void>

/**
 * Takes requests from functions-framework's own server itself, once the framework has brought the first one: what its Express app
 * does on the way (parsers of bodies that it may not see, an execution id and a context for its own log) is nothing that is used
 * here, and costs more than all the rest of a request. The framework still loads the function, makes the server and ends it.
 */
export const direct = (listener: Listener): Listener => {
  const onRequest: RequestListener = (request, response) => void listener(request, response)
  return (request, response) => {
    const { server } = request.socket as typeof request.socket & { server: Server }
    if (!server.listeners('request').includes(onRequest)) server.removeAllListeners('request').on('request', onRequest)
    return listener(request, response)
  }
}
