/** Makes a rule of what a site's file says of one: which objects, which places in them, and what is demanded there. */
import { matchesGlob } from '../../oci/image-pattern.ts';
import { parsePlacePath, placesAt } from '../../kubernetes/resources/place-path.ts';
import type { KubernetesResource } from '../../kubernetes/resources/yaml-documents.ts';
import { violationAt, type Evaluation, type Rule, type Violation } from '../rule.ts';
import { namespaceOf, type Subject } from '../subject.ts';
import { isScalar, showValue, valueAt } from '../values.ts';
import { createTest, type ValueTest } from './operators.ts';
import type { SiteCondition, SiteRule, SiteSelector } from './rules-schema.ts';

/**
 * The rule that an entry of a file is.
 * @throws UsageError `INVALID_SPEC` for an operator with a value that it does not take.
 */
export function toRule(entry: SiteRule): Rule {
  const { id, title, severity, serves, shows, cannotShow, select, when = [], required, optional } = entry;
  const isSelected = toSelector(select);
  const conditions = when.map(toCondition);
  const path = parsePlacePath(entry.path);
  const test = createTest(entry.operator, entry.value);
  const evaluate = (subject: Subject): Evaluation => {
    const selected = subject.resources.filter((resource) => isSelected(resource, subject));
    if (required && selected.length === 0) return { looked: 1, violations: [missingObject(select, subject)] };
    const places = selected
      .filter(({ value }) => conditions.every((holds) => holds(value)))
      .flatMap((resource) => placesAt(resource.value, path).map((place) => ({ resource, ...place })))
      .filter(({ value }) => !optional || isThere(value));
    const wrong = places.filter(({ value }) => !meets(test, value));
    return {
      // An object that has to be there is looked for, whatever is asked of it.
      looked: places.length + (required ? 1 : 0),
      violations: wrong.map(({ resource, path: at, value }) =>
        violationAt(resource, at, `${describe(value, resource)}, and ${test.wanted} is demanded`),
      ),
    };
  };
  return { id, title, severity, serves, shows, cannotShow, evaluate };
}

function toSelector({ kind, apiVersion, namespace, name, labels = {} }: SiteSelector) {
  const kinds = typeof kind === 'string' ? [kind] : kind;
  const fits = (glob: string | undefined, text: string): boolean => glob === undefined || matchesGlob(glob, text);
  return (resource: KubernetesResource, subject: Subject): boolean =>
    kinds.some((each) => matchesGlob(each, resource.kind)) &&
    fits(apiVersion, resource.apiVersion) &&
    fits(namespace, namespaceOf(resource, subject)) &&
    fits(name, resource.name) &&
    Object.entries(labels).every(([key, value]) => valueAt(resource.value, ['metadata', 'labels', key]) === value);
}

/** A condition holds where there is something that it speaks of, and all of that is as it says. */
function toCondition({ path: text, operator, value }: SiteCondition): (object: unknown) => boolean {
  const path = parsePlacePath(text);
  const test = createTest(operator, value);
  return (object) => {
    const places = placesAt(object, path);
    return places.length > 0 && places.every((place) => meets(test, place.value));
  };
}

function meets({ isMet, isMetByNothing }: ValueTest, value: unknown): boolean {
  return isThere(value) ? isMet(value) : isMetByNothing;
}

function isThere(value: unknown): boolean {
  return value !== undefined && value !== null;
}

/** What stands at a place, in words. What a Secret holds is in no report. */
function describe(value: unknown, { apiVersion, kind }: KubernetesResource): string {
  if (!isThere(value)) return 'is not set';
  if (kind === 'Secret' && apiVersion === 'v1') return 'has another value';
  if (Array.isArray(value)) return 'holds a list';
  return isScalar(value) ? `says ${value === '' ? '""' : showValue(value)}` : 'holds a mapping';
}

function missingObject({ kind, name, namespace }: SiteSelector, subject: Subject): Violation {
  const kinds = typeof kind === 'string' ? [kind] : kind;
  const named = name === undefined ? '' : ` named ${name}`;
  return {
    kind: kinds[0] ?? '',
    name: '',
    namespace: namespace ?? subject.namespace,
    field: 'metadata.name',
    message: `no object of kind ${kinds.join(' or ')}${named} is there, and one is demanded`,
  };
}
