/** Objects of a cluster as they come and go: plain JSON, never serialised by types that could lose a field. */
import { isMapping } from '../resources/yaml-documents.ts';

/** An object with what identifies it. */
export interface ClusterObject {
  /** `apps/v1` */
  readonly apiVersion: string;
  /** `Deployment` */
  readonly kind: string;
  /** Name, namespace, labels, annotations, and what the server keeps of it. */
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string | undefined;
    readonly [key: string]: unknown;
  };
  /** Whatever else it has. */
  readonly [key: string]: unknown;
}

/** What identifies an object. */
export interface ObjectKey {
  /** `apps/v1` */
  readonly apiVersion: string;
  /** `Deployment` */
  readonly kind: string;
  /** Absent for what belongs to the whole cluster. */
  readonly namespace?: string | undefined;
  /** Within its namespace, or the cluster. */
  readonly name: string;
}

/** `Deployment shop/api`, `Namespace shop`. */
export function formatKey({ kind, namespace, name }: ObjectKey): string {
  return `${kind} ${namespace === undefined ? '' : `${namespace}/`}${name}`;
}

/** What identifies an object. */
export function keyOf({ apiVersion, kind, metadata: { name, namespace } }: ClusterObject): ObjectKey {
  return { apiVersion, kind, ...(namespace === undefined ? {} : { namespace }), name };
}

/** Whether a value has what identifies an object. */
export function isClusterObject(value: unknown): value is ClusterObject {
  if (!isMapping(value)) return false;
  const { apiVersion, kind, metadata } = value;
  return (
    typeof apiVersion === 'string' &&
    typeof kind === 'string' &&
    isMapping(metadata) &&
    typeof metadata['name'] === 'string'
  );
}

/** The mapping at a path of keys; an empty one where there is none. */
export function mappingAt(value: unknown, ...path: readonly string[]): Readonly<Record<string, unknown>> {
  const held = path.reduce<unknown>((at, key) => (isMapping(at) ? at[key] : undefined), value);
  return isMapping(held) ? held : {};
}

/** The mappings of the list at a path. */
export function listAt(value: unknown, ...path: readonly string[]): readonly Readonly<Record<string, unknown>>[] {
  const held = path.reduce<unknown>((at, key) => (isMapping(at) ? at[key] : undefined), value);
  return Array.isArray(held) ? held.filter(isMapping) : [];
}

/** The text at a key. */
export function textAt(value: Readonly<Record<string, unknown>>, key: string): string | undefined {
  const held = value[key];
  return typeof held === 'string' ? held : undefined;
}

/** The number at a key. */
export function numberAt(value: Readonly<Record<string, unknown>>, key: string): number | undefined {
  const held = value[key];
  return typeof held === 'number' ? held : undefined;
}
