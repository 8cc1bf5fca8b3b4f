/**
 * Leaves the domain that functions-framework runs each request in. Inside it every promise and timer costs about twice as much,
 * and a pooled connection would belong for good to the request that happened to open it. Nothing is lost: serve renders every error.
 */
export const leaveDomain = (): void => (process as { domain?: { exit(): void } | null }).domain?.exit()
