/** Reading of values whose shape is not known: what is not there, or is something else, is undefined. */
import type { YamlPath } from '../base/yaml-source.ts';
import { isMapping } from '../kubernetes/resources/yaml-documents.ts';

/** What stands at a path; undefined where the path leads nowhere. */
export function valueAt(value: unknown, path: YamlPath): unknown {
  let held = value;
  for (const key of path) {
    if (Array.isArray(held) && typeof key === 'number') held = held[key];
    else if (isMapping(held) && Object.hasOwn(held, key)) held = held[key];
    else return undefined;
  }
  return held;
}

/** The items of a list; none where it is no list. */
export function itemsAt(value: unknown, path: YamlPath): readonly unknown[] {
  const held = valueAt(value, path);
  return Array.isArray(held) ? held : [];
}

/** The entries of a mapping; none where it is no mapping. */
export function entriesAt(value: unknown, path: YamlPath): readonly (readonly [string, unknown])[] {
  const held = valueAt(value, path);
  return isMapping(held) ? Object.entries(held) : [];
}

/** Whether a value is text, a number, true or false. */
export function isScalar(value: unknown): value is string | number | boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}

/** A scalar as text; empty for what is none. */
export function textOf(value: unknown): string {
  return isScalar(value) ? String(value) : '';
}

/** A value as a message shows it, shortened. */
export function showValue(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? 'nothing');
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

/** Whether the labels are all among those of something. An empty selector selects everything. */
export function selects(selector: unknown, labels: unknown): boolean {
  const wanted = entriesAt(selector, ['matchLabels']).every(([key, value]) => valueAt(labels, [key]) === value);
  return wanted && itemsAt(selector, ['matchExpressions']).every((expression) => meets(expression, labels));
}

/** @see https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#resources-that-support-set-based-requirements */
function meets(expression: unknown, labels: unknown): boolean {
  const key = valueAt(expression, ['key']);
  const values = itemsAt(expression, ['values']);
  const value = typeof key === 'string' ? valueAt(labels, [key]) : undefined;
  switch (valueAt(expression, ['operator'])) {
    case 'In':
      return values.includes(value);
    case 'NotIn':
      return !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    default:
      return false;
  }
}
