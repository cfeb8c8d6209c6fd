/** In what words the state of an object is told, and the conditions it is read from. */
import { listAt, textAt, type ClusterObject } from '../cluster-object.ts';

/** What an object is at. */
export interface ObjectStatus {
  /**
   * `current` is what it should be, `inProgress` is getting there, `failed` does not get there by itself, `terminating` is
   * being deleted.
   */
  readonly state: 'current' | 'inProgress' | 'failed' | 'terminating';
  /** Why, as Kubernetes says it; empty for what is current. */
  readonly message: string;
}

export const CURRENT: ObjectStatus = { state: 'current', message: '' };

/** Still getting there, and what is missing. */
export function inProgress(message: string): ObjectStatus {
  return { state: 'inProgress', message };
}

/** Will not get there by itself. */
export function failed(message: string): ObjectStatus {
  return { state: 'failed', message };
}

/** One of `status.conditions`. */
export interface Condition {
  readonly status: string;
  /** Reason and message, as far as there are. */
  readonly said: string;
  readonly reason: string;
}

/** The condition of a type; undefined where there is none. */
export function conditionOf(object: ClusterObject, type: string): Condition | undefined {
  const found = listAt(object, 'status', 'conditions').find((each) => each['type'] === type);
  if (found === undefined) return undefined;
  const [reason = '', message = ''] = [textAt(found, 'reason'), textAt(found, 'message')];
  return { status: textAt(found, 'status') ?? '', reason, said: [reason, message].filter(Boolean).join(': ') || type };
}

/** The API group of an object; empty for Kubernetes' first one. */
export function groupOf({ apiVersion }: Pick<ClusterObject, 'apiVersion'>): string {
  return apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : '';
}
