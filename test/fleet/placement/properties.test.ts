/** What holds for every placement: compared with trying everything, on fleets small enough for that. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CLUSTER_ROLES } from '../../../src/fleet/fleet-schema.ts';
import { tries } from '../../helpers/effort.ts';
import { cluster, place, summary, type ClusterEntry, type FleetParts, type LinkEntry } from '../fleet-document.ts';

interface Entry {
  readonly resources?: { readonly cpu: number } | undefined;
  readonly roles?: readonly string[] | undefined;
  readonly compliance?: readonly string[] | undefined;
  readonly regions?: { readonly deny: readonly string[] } | undefined;
  readonly minClusters?: number | undefined;
  readonly maxClusters?: number | 'all' | undefined;
  readonly spread?: { readonly regions: number } | undefined;
  readonly replicate?: 'workload' | 'data' | undefined;
  readonly maxLatencyMs?: number | undefined;
  near?: { readonly component: string; readonly within: 'cluster' | 'region' } | undefined;
}

interface Parts extends FleetParts {
  readonly links: readonly LinkEntry[];
  readonly placement: Readonly<Record<string, Entry>>;
}

const NAMES = ['a', 'b', 'c', 'd'];
/** Most things are not asked for: with all of them, next to nothing can be placed. */
function maybe<T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> {
  return fc.oneof({ weight: 4, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: value });
}

const aCluster = fc.record({
  role: fc.constantFrom('primary', ...CLUSTER_ROLES),
  region: fc.constantFrom('eu', 'us'),
  cpu: fc.option(fc.integer({ min: 1, max: 6 }), { nil: undefined }),
  gdpr: fc.boolean(),
});

const anEntry: fc.Arbitrary<Entry> = fc
  .record({
    resources: fc.option(fc.record({ cpu: fc.integer({ min: 1, max: 5 }) }), { nil: undefined, freq: 2 }),
    roles: maybe(fc.uniqueArray(fc.constantFrom(...CLUSTER_ROLES), { minLength: 1 })),
    compliance: maybe(fc.constant(['gdpr'])),
    regions: maybe(fc.constant({ deny: ['us'] })),
    minClusters: maybe(fc.integer({ min: 1, max: 3 })),
    maxClusters: maybe(fc.constantFrom<number | 'all'>(1, 2, 'all')),
    spread: maybe(fc.constant({ regions: 2 })),
    replicate: maybe(fc.constantFrom<'workload' | 'data'>('workload', 'data')),
    maxLatencyMs: maybe(fc.constant(10)),
    near: maybe(fc.record({ component: fc.constantFrom(...NAMES), within: fc.constantFrom('cluster', 'region') })),
  })
  .map((entry) => Object.fromEntries(Object.entries(entry).filter(([, value]) => value !== undefined)));

const aFleet: fc.Arbitrary<Parts> = fc
  .record({
    clusters: fc.array(aCluster, { minLength: 2, maxLength: 4 }),
    joined: fc.array(fc.option(fc.integer({ min: 5, max: 15 }), { nil: undefined }), { minLength: 6, maxLength: 6 }),
    entries: fc.array(anEntry, { minLength: 1, maxLength: 3 }),
  })
  .map(({ clusters, joined, entries }) => {
    const all = clusters.map(({ role, region, cpu, gdpr }, index) =>
      cluster(`k${index}`, role, {
        region,
        ...(cpu === undefined ? {} : { capacity: { cpu } }),
        compliance: gdpr ? ['gdpr'] : [],
      }),
    );
    const pairs = all.flatMap((one, index) => all.slice(index + 1).map((other) => [one.name, other.name]));
    // A component is near to an earlier one only, so that nothing goes round in a circle.
    for (const [index, entry] of entries.entries()) {
      if (NAMES.indexOf(entry.near?.component ?? '') >= index) delete entry.near;
    }
    return {
      clusters: all,
      links: pairs.flatMap((between, index) => {
        const latencyMs = joined[index];
        return latencyMs === undefined ? [] : [{ between, latencyMs }];
      }),
      placement: Object.fromEntries(entries.map((entry, index) => [NAMES[index] ?? '', entry])),
    };
  });

/** What is wrong with a placement, written from docs/fleet.md and not from the code. */
function faultsOf(
  { clusters, links, placement }: Parts,
  placed: Readonly<Record<string, readonly string[]>>,
): string[] {
  const find = (name: string): ClusterEntry => clusters.find((each) => each.name === name) as ClusterEntry;
  const linkBetween = (one: string, other: string): LinkEntry | undefined =>
    links.find(({ between }) => between.includes(one) && between.includes(other));
  const faults = Object.entries(placement).flatMap(([name, entry]) => {
    const on = (placed[name] ?? []).map(find);
    const { replicate, near } = entry;
    const roles = entry.roles ?? (replicate === undefined ? ['primary'] : ['primary', 'secondary', 'dr']);
    const wrong: string[] = [];
    for (const each of on) {
      if (!roles.includes(each.role)) wrong.push('role');
      if (entry.compliance !== undefined && each.compliance?.includes('gdpr') !== true) wrong.push('compliance');
      if (entry.regions?.deny.includes(each.region) === true) wrong.push('region');
      const primaries = clusters.filter(({ role }) => role === 'primary');
      const latencies = primaries.flatMap((primary) => linkBetween(each.name, primary.name)?.latencyMs ?? []);
      if (entry.maxLatencyMs !== undefined && each.role !== 'primary' && !latencies.some((ms) => ms <= 10)) {
        wrong.push('latency');
      }
      const isThere = (other: ClusterEntry): boolean =>
        near?.within === 'region' ? other.region === each.region : other.name === each.name;
      if (near !== undefined && !(placed[near.component] ?? []).map(find).some(isThere)) wrong.push('near');
      const hasSource = on.some(
        ({ role, name: from }) => role === 'primary' && linkBetween(from, each.name) !== undefined,
      );
      if (replicate === 'data' && each.role !== 'primary' && !hasSource) wrong.push('link');
    }
    if (on.length < (entry.minClusters ?? 1)) wrong.push('min');
    if (typeof entry.maxClusters === 'number' && on.length > entry.maxClusters) wrong.push('max');
    if (entry.spread !== undefined && new Set(on.map(({ region }) => region)).size < 2) wrong.push('spread');
    const isReplicated =
      on.some(({ role }) => role === 'primary') && on.some(({ role }) => role === 'secondary' || role === 'dr');
    if (replicate !== undefined && !isReplicated) wrong.push('replicate');
    return wrong.map((fault) => `${name}: ${fault}`);
  });
  const full = clusters.filter(({ name, capacity }) => {
    const used = Object.entries(placement)
      .filter(([component]) => placed[component]?.includes(name) === true)
      .reduce((sum, [, { resources }]) => sum + (resources?.cpu ?? 0), 0);
    return capacity?.cpu !== undefined && used > Number(capacity.cpu);
  });
  return [...faults, ...full.map(({ name }) => `${name} is full`)];
}

/** Whether there is any placement, by trying every set of clusters for every component. */
function isPossible(parts: Parts): boolean {
  const names = Object.keys(parts.placement);
  const sets = Array.from({ length: 2 ** parts.clusters.length }, (_, bits) =>
    parts.clusters.filter((_each, index) => (bits >> index) % 2 === 1).map(({ name }) => name),
  );
  const some = (index: number, placed: Readonly<Record<string, readonly string[]>>): boolean => {
    const name = names[index];
    if (name === undefined) return true;
    // What is wrong with the components so far does not become right by more of them: they are near to earlier ones.
    const part = { ...parts, placement: Object.fromEntries(Object.entries(parts.placement).slice(0, index + 1)) };
    return sets.some((set) => {
      const next = { ...placed, [name]: set };
      return faultsOf(part, next).length === 0 && some(index + 1, next);
    });
  };
  return some(0, {});
}

const outcomeOf = (parts: FleetParts): string => place(parts).outcome;

test('no constraint is broken, and a placement is found whenever there is one', () => {
  let found = 0;
  let refused = 0;
  fc.assert(
    fc.property(aFleet, (parts) => {
      const placement = place(parts);
      expect(placement.outcome).toBe(isPossible(parts) ? 'placed' : 'impossible');
      if (placement.outcome !== 'placed') return void (refused += 1);
      found += 1;
      expect(faultsOf(parts, summary(placement) as Record<string, readonly string[]>)).toEqual([]);
    }),
    { numRuns: tries(300) },
  );
  // Neither answer is the only one that was asked for.
  expect(Math.min(found, refused)).toBeGreaterThan(20);
});

test('one cluster more never makes a placement impossible', () => {
  let found = 0;
  fc.assert(
    fc.property(aFleet, aCluster, ({ clusters, ...parts }, { role, region, cpu }) => {
      if (outcomeOf({ ...parts, clusters }) !== 'placed') return;
      found += 1;
      for (const name of ['a-first', 'z-last']) {
        const more = cluster(name, role, { region, ...(cpu === undefined ? {} : { capacity: { cpu } }) });
        expect(outcomeOf({ ...parts, clusters: [...clusters, more] })).toBe('placed');
      }
    }),
    { numRuns: tries(200) },
  );
  expect(found).toBeGreaterThan(20);
});

test('the order of input changes nothing, and the same input gives the same answer', () => {
  fc.assert(
    fc.property(aFleet, ({ clusters, links, placement }) => {
      const reversed = {
        clusters: [...clusters].reverse(),
        links: links.map(({ between, ...link }) => ({ ...link, between: [...between].reverse() })).reverse(),
        placement: Object.fromEntries(Object.entries(placement).reverse()),
      };
      const plain = (parts: FleetParts): string =>
        JSON.stringify(place(parts), (key, value: unknown) => (key === 'at' ? undefined : value));
      const first = plain({ clusters, links, placement });
      expect(plain(reversed)).toBe(first);
      expect(plain({ clusters, links, placement })).toBe(first);
    }),
    { numRuns: tries(150) },
  );
});

test('the constraints of a refusal cannot hold together, and without any of them they can', () => {
  fc.assert(
    fc.property(aFleet, ({ clusters, links, placement }) => {
      const placed = place({ clusters, links, placement });
      if (placed.outcome !== 'impossible') return;
      const { constraints, isMinimal } = placed.conflict;
      expect(isMinimal).toBe(true);
      // Written out as entries of their own; number and roles by default cannot be left out of an entry.
      const toEntries = (left: typeof constraints): Record<string, Entry> => {
        const entries: Record<string, Record<string, unknown>> = {};
        for (const { component, field } of left) {
          const [top = '', inner] = field.split('.');
          const own = placement[component] as Record<string, object> | undefined;
          const entry = (entries[component] ??= { roles: [...CLUSTER_ROLES] });
          if (top === 'roles') {
            entry['roles'] =
              own?.['roles'] ?? (own?.['replicate'] === undefined ? ['primary'] : ['primary', 'secondary', 'dr']);
          } else if (own?.[top] !== undefined) {
            entry[top] =
              inner === undefined ? own[top] : { ...(entry[top] as object), [inner]: own[top][inner as never] };
          }
        }
        return entries;
      };
      const all = toEntries(constraints);
      // A component that another is near to, without a constraint of its own, is there all the same.
      const withTargets = (entries: Record<string, Entry>): Record<string, Entry> => ({
        ...Object.fromEntries(
          Object.values(entries).flatMap(({ near }) =>
            near === undefined ? [] : [[near.component, { roles: [...CLUSTER_ROLES] }]],
          ),
        ),
        ...entries,
      });
      expect(outcomeOf({ clusters, links, placement: withTargets(all) })).toBe('impossible');
      const isOptional = ({ field }: (typeof constraints)[number]): boolean => field !== 'minClusters';
      for (const one of constraints.filter(isOptional)) {
        const left = toEntries(constraints.filter((each) => each !== one));
        // A component stays that has no constraint left but that it has to be somewhere.
        left[one.component] ??= { roles: [...CLUSTER_ROLES] };
        if (constraints.some(({ component, field }) => component === one.component && field === 'minClusters')) {
          expect(outcomeOf({ clusters, links, placement: withTargets(left) })).toBe('placed');
        }
      }
    }),
    { numRuns: tries(150) },
  );
});
