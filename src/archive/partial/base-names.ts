/** What messages call the releases that a delta counts on. */

/** `app 1.0.0 and app 1.1.0`; a claim of the delta, which nothing vouches for. */
export function nameBases(bases: readonly { readonly name: string; readonly version: string }[]): string {
  return [...new Set(bases.map(({ name, version }) => `${name} ${version}`))].join(' and ') || 'none';
}
