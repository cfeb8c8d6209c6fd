/** The form of rules about settings: keys of ConfigMaps by which programs are told what a regulation asks for. */
import type { KubernetesResource } from '../../kubernetes/resources/yaml-documents.ts';
import { violationAt, type Evaluation, type Rule, type Violation } from '../rule.ts';
import type { Subject } from '../subject.ts';
import { entriesAt, showValue, textOf } from '../values.ts';

/** One key, and what it must say. Data: another vendor's names are another list of these. */
export interface Demand {
  /** Of a ConfigMap's data. */
  readonly key: string;
  /** In words: `enabled`, `at most 90 days`. */
  readonly wanted: string;
  readonly isMet: (value: string) => boolean;
}

const HOURS: Readonly<Record<string, number>> = { hour: 1, h: 1, day: 24, d: 24 };
const ON = /^(enabled|true|yes|on|required)$/i;

/** `enabled`, or another word for it. */
export function enabled(key: string): Demand {
  return { key, wanted: 'enabled', isMet: (value) => ON.test(value) };
}

/** One of these words, whatever their case. */
export function oneOf(key: string, ...words: readonly string[]): Demand {
  return { key, wanted: words.join(' or '), isMet: (value) => words.includes(value.toLowerCase()) };
}

/** A list with commas between, which has all of these. */
export function listing(key: string, ...words: readonly string[]): Demand {
  return {
    key,
    wanted: `a list with ${words.join(', ')}`,
    isMet: (value) => {
      const held = new Set(value.split(/[\s,]+/).map((word) => word.toLowerCase()));
      return words.every((word) => held.has(word));
    },
  };
}

/** A time such as `90 days` or `24 hours`, more than none and not more than this. */
export function within(key: string, limit: string): Demand {
  const most = hoursOf(limit) ?? 0;
  return {
    key,
    wanted: `at most ${limit}`,
    isMet: (value) => {
      const hours = hoursOf(value);
      return hours !== undefined && hours > 0 && hours <= most;
    },
  };
}

/** A whole number from 1 to this. */
export function atMost(key: string, limit: number): Demand {
  return {
    key,
    wanted: `a number from 1 to ${limit}`,
    isMet: (value) => /^[0-9]{1,9}$/.test(value) && Number(value) >= 1 && Number(value) <= limit,
  };
}

/** Anything but nothing. */
export function present(key: string): Demand {
  return { key, wanted: 'a value', isMet: (value) => value !== '' };
}

/** A rule that asks for settings: each must be in some ConfigMap, and say what is demanded in every one that has it. */
export function settingRule(words: Omit<Rule, 'evaluate'>, demands: readonly Demand[]): Rule {
  return {
    ...words,
    evaluate: (subject: Subject): Evaluation => {
      const maps = subject.resources.filter(({ kind, apiVersion }) => kind === 'ConfigMap' && apiVersion === 'v1');
      return {
        looked: demands.length,
        violations: demands.flatMap((demand) => violationsOf(demand, maps, subject.namespace)),
      };
    },
  };
}

function violationsOf(
  { key, wanted, isMet }: Demand,
  maps: readonly KubernetesResource[],
  namespace: string,
): readonly Violation[] {
  const found = maps.flatMap((map) =>
    entriesAt(map.value, ['data'])
      .filter(([name]) => name === key)
      .map(([, value]) => ({ map, value: textOf(value).trim() })),
  );
  if (found.length === 0) {
    const message = `no ConfigMap sets ${key}, and ${wanted} is demanded`;
    return [{ kind: 'ConfigMap', name: '', namespace, field: `data.${key}`, message }];
  }
  return found
    .filter(({ value }) => !isMet(value))
    .map(({ map, value }) => violationAt(map, ['data', key], `says ${showValue(value)}, and ${wanted} is demanded`));
}

function hoursOf(text: string): number | undefined {
  const [, amount, unit = ''] = /^([0-9]{1,6}) ?(hour|h|day|d)s?$/.exec(text) ?? [];
  return amount === undefined ? undefined : Number(amount) * (HOURS[unit] ?? 0);
}

/** A rule that asks for an annotation on some object. */
export function annotationRule(words: Omit<Rule, 'evaluate'>, key: string, wanted: RegExp, example: string): Rule {
  return {
    ...words,
    evaluate: ({ resources, namespace }: Subject): Evaluation => {
      const found = resources.flatMap((resource) =>
        entriesAt(resource.value, ['metadata', 'annotations'])
          .filter(([name]) => name === key)
          .map(([, value]) => ({ resource, value })),
      );
      const field = `metadata.annotations["${key}"]`;
      const missing = {
        kind: 'Namespace',
        name: '',
        namespace,
        field,
        message: `no object has it; ${example} is demanded`,
      };
      const wrong = found
        .filter(({ value }) => !wanted.test(textOf(value)))
        .map(({ resource, value }) =>
          violationAt(
            resource,
            ['metadata', 'annotations', key],
            `says ${showValue(value)}, and ${example} is demanded`,
          ),
        );
      return { looked: Math.max(1, found.length), violations: found.length === 0 ? [missing] : wrong };
    },
  };
}
