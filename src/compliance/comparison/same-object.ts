/** When an object of one report is an object of another. */
import type { ObjectName } from './compared-subject.ts';

/** Kind and name are equal, and the namespaces are, unless one of the two leaves it to the installation. */
export function isSameObject(one: ObjectName, other: ObjectName): boolean {
  return (
    one.kind === other.kind &&
    one.name === other.name &&
    (one.namespace === other.namespace || one.namespace === undefined || other.namespace === undefined)
  );
}

/** Objects by kind and name, so that looking for one does not walk through all. */
export class ObjectIndex {
  readonly #objects = new Map<string, ObjectName[]>();

  constructor(objects: readonly ObjectName[]) {
    for (const object of objects) {
      const alike = this.#objects.get(keyOf(object));
      if (alike === undefined) this.#objects.set(keyOf(object), [object]);
      else alike.push(object);
    }
  }

  /** Whether one of them is this object. */
  has(object: ObjectName): boolean {
    return this.#objects.get(keyOf(object))?.some((other) => isSameObject(object, other)) ?? false;
  }
}

/**
 * How namespaces of a release are called where it was installed: the only one that its objects name is the only one that
 * is there, under whatever name. With several, on either side, each is only itself.
 */
export function namespaceAt(
  before: readonly ObjectName[],
  now: readonly ObjectName[],
): <T extends ObjectName>(object: T) => T {
  const [from, ...others] = namespacesOf(before);
  const [to, ...more] = namespacesOf(now);
  if (from === undefined || to === undefined || from === to || others.length > 0 || more.length > 0) {
    return (object) => object;
  }
  return (object) => (object.namespace === from ? { ...object, namespace: to } : object);
}

function namespacesOf(objects: readonly ObjectName[]): readonly string[] {
  return [...new Set(objects.flatMap(({ namespace }) => namespace ?? []))];
}

function keyOf({ kind, name }: ObjectName): string {
  return `${kind}/${name}`;
}
