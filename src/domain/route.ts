/**
 * What serves a (tenant, package), as values.
 */

/** `auto`: highest eligible version; a range: highest eligible in it; `manual`: only an operator. */
export type PackagePolicy =
  | { readonly mode: 'auto' }
  | { readonly mode: 'range'; readonly range: string }
  | { readonly mode: 'manual' }

export interface Route {
  readonly tenant: string
  readonly package: string
  readonly policy: PackagePolicy
  /** Generation number that unpinned requests go to; null: unrouted. */
  readonly active: number | null
  readonly activeVersion: string | null
  readonly held: ReadonlyMap<string, string>
}

/**
 * The immutable value that holds all routes; replaced whole by one assignment.
 */
export interface RegistryValue {
  /** Number of this value: per data dir, grows with each swap, never repeats. */
  readonly epoch: number
  /** Key: routeKey(tenant, package). */
  readonly routes: ReadonlyMap<string, Route>
}

export function routeKey(tenant: string, packageName: string): string {
  return `${tenant}::${packageName}`
}

export function emptyRegistry(epoch: number): RegistryValue {
  return Object.freeze({ epoch, routes: new Map<string, Route>() })
}

/** A new registry value in which one route is replaced. */
export function withRoute(registry: RegistryValue, epoch: number, route: Route): RegistryValue {
  const routes = new Map(registry.routes)
  routes.set(routeKey(route.tenant, route.package), Object.freeze(route))
  return Object.freeze({ epoch, routes })
}
