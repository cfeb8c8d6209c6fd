/** In which order objects are installed: what others need first, and hooks where Helm would run them. Pure. */
import { installPlaceOf, STAGES } from '../staging/install-stages.ts';
import type { ClusterObject } from './cluster-object.ts';

/** The steps, in their order. */
export const INSTALL_STEPS = [
  'definitions',
  'namespaces',
  'settings',
  'before',
  'database',
  'platform',
  'after',
] as const;
export type InstallStepName = (typeof INSTALL_STEPS)[number];

/** Objects that are applied one after the other; the next step begins when those that can are ready. */
export interface InstallStep {
  readonly name: InstallStepName;
  readonly objects: readonly ClusterObject[];
  /** Whether each object is waited for before the next is applied: hooks run one after the other. */
  readonly isSerial: boolean;
}

const RUNS = new Set(['Job', 'Pod']);

/** Divides objects into steps. What no installation applies (tests, hooks of other occasions) is left out. */
export function toInstallSteps(objects: readonly ClusterObject[]): readonly InstallStep[] {
  const placed = objects.flatMap((object, index) => {
    const place = installPlaceOf(object);
    if (place === undefined) return [];
    const [hook] = place.order;
    const isHookRun = hook !== 1 && RUNS.has(object.kind);
    const name: InstallStepName = isHookRun || hook === 2 ? (hook === 2 ? 'after' : 'before') : stepOf(place.stage);
    return [{ object, name, rank: [STAGES.indexOf(place.stage), ...place.order, index] }];
  });
  return INSTALL_STEPS.map((name) => {
    const isSerial = name === 'before' || name === 'after';
    const own = placed.filter((each) => each.name === name);
    // Of hooks the weight decides, whatever the stage.
    const rankOf = ({ rank }: (typeof own)[number]): readonly number[] => (isSerial ? rank.slice(1) : rank);
    return {
      name,
      isSerial,
      objects: [...own].sort((a, b) => compare(rankOf(a), rankOf(b))).map(({ object }) => object),
    };
  }).filter(({ objects: own }) => own.length > 0);
}

function stepOf(stage: (typeof STAGES)[number]): InstallStepName {
  switch (stage) {
    case 'crds':
      return 'definitions';
    case 'namespace':
      return 'namespaces';
    case 'rbac':
    case 'secrets':
    case 'configmaps':
    case 'storage':
      return 'settings';
    case 'database':
      return 'database';
    case 'control-plane':
    case 'networking':
      return 'platform';
  }
}

function compare(a: readonly number[], b: readonly number[]): number {
  return a.map((value, index) => value - (b[index] ?? 0)).find((difference) => difference !== 0) ?? 0;
}
