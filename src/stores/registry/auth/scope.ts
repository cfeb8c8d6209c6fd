/** Token scopes: what a request needs, joined without repetition. */

/** What is needed of one repository. Without actions it says only whose account is used, and no token is asked for it. */
export interface RepositoryScope {
  readonly repository: string;
  readonly actions: readonly ('pull' | 'push' | 'delete')[];
}

/** Some registries answer with this example scope instead of the repository's own. */
const PLACEHOLDER = 'repository:user/image:';

/** `repository:<path>:pull,push`. @see https://distribution.github.io/distribution/spec/auth/scope/ */
export function formatScope({ repository, actions }: RepositoryScope): string {
  return `repository:${repository}:${[...actions].sort().join(',')}`;
}

/** {@link formatScope} of all that is needed. */
export function formatScopes(own: readonly RepositoryScope[]): readonly string[] {
  return own.filter(({ actions }) => actions.length > 0).map(formatScope);
}

/** The scopes a server demanded, ready to be asked for; example scopes of other repositories are left out. */
export function demandedScopes(text: string | undefined, own: readonly RepositoryScope[]): readonly string[] {
  if (text === undefined) return [];
  const owns = (scope: string): boolean => own.some(({ repository }) => scope.startsWith(`repository:${repository}:`));
  return text.split(/\s+/).filter((scope) => scope !== '' && (!scope.startsWith(PLACEHOLDER) || owns(scope)));
}

/** Joins scopes: actions of one resource are united, the order of first appearance is kept. */
export function uniteScopes(...groups: readonly (readonly string[])[]): readonly string[] {
  const actionsOf = new Map<string, Set<string>>();
  for (const scope of groups.flat()) {
    const colon = scope.lastIndexOf(':');
    const resource = colon < 0 ? scope : scope.slice(0, colon);
    const actions = actionsOf.get(resource) ?? new Set();
    if (colon >= 0) for (const action of scope.slice(colon + 1).split(',')) actions.add(action);
    actionsOf.set(resource, actions);
  }
  return [...actionsOf].map(([resource, actions]) =>
    actions.size === 0 ? resource : `${resource}:${[...actions].sort().join(',')}`,
  );
}

/** Whether everything in `requested` is contained in `granted`. */
export function coversScopes(granted: readonly string[], requested: readonly string[]): boolean {
  return uniteScopes(granted, requested).join(' ') === uniteScopes(granted).join(' ');
}
