/** The patterns of the shipped platform: every number in its field, hardened, and bad values refused by their name. */
import { describe, expect, it } from 'vitest';
import { findFaults } from '../kubernetes/resources/resource-faults.ts';
import { PROFILE_NUMBERS } from './profile-numbers.ts';
import { COMBINATIONS, fieldAt, OVERLAYS, PATTERNS, render, renderProfile, requestFor } from './render-profile.ts';

/** What the files of a site outside of the chart hold: a secondary gets the replication password of its primary. */
const FROM_THE_SITE = [/reads no secret "hexabase-replication" "password"/, /reads no secret "hexabase-hsm" "pin"/];

describe.each([...PATTERNS, ...OVERLAYS])('the numbers of %s', (profile) => {
  const numbers = PROFILE_NUMBERS.filter((number) =>
    (OVERLAYS as readonly string[]).includes(profile)
      ? number.profile.endsWith(`+${profile}`)
      : number.profile === profile,
  );

  it.each(numbers)('stand in $kind/$name: $path', async ({ profile: combination, kind, name, path, expected }) => {
    const resources = await renderProfile(combination);
    const found = resources.find((resource) => resource.kind === kind && resource.name === name);
    expect(found, `${kind}/${name} of ${combination}`).toBeDefined();
    expect(fieldAt(found?.value, path)).toEqual(expected);
  });
});

describe.each(COMBINATIONS)('%s', (combination) => {
  it('hangs together, is hardened, and denies what it does not allow', async () => {
    const resources = await renderProfile(combination);
    const faults = findFaults(resources).filter((fault) => !FROM_THE_SITE.some((known) => known.test(fault)));
    expect(faults).toEqual([]);
    const denied = resources.find(({ name }) => name === 'hexabase-default-deny');
    expect(fieldAt(denied?.value, 'spec')).toEqual({ podSelector: {}, policyTypes: ['Ingress', 'Egress'] });
  });
});

it('a site moves from any pattern to any other: nothing differs that Kubernetes does not let be changed', async () => {
  const fixedOf = async (combination: string): Promise<readonly unknown[]> => {
    const resources = await renderProfile(combination);
    return resources
      .filter(({ kind, name }) => ['StatefulSet', 'PersistentVolumeClaim'].includes(kind) || /-(ui|plane)$/.test(name))
      .filter(({ kind }) => ['StatefulSet', 'PersistentVolumeClaim', 'Deployment'].includes(kind))
      .map(({ kind, name, value }) => ({
        kind,
        name,
        selector: fieldAt(value, 'spec selector'),
        serviceName: fieldAt(value, 'spec serviceName'),
        claims: fieldAt(value, 'spec volumeClaimTemplates'),
        storage: fieldAt(value, 'spec resources'),
      }));
  };
  const first = await fixedOf('small-enterprise');
  expect(first).toHaveLength(4);
  for (const combination of COMBINATIONS) expect([combination, await fixedOf(combination)]).toEqual([combination, first]);
});

describe('secrets', () => {
  it('of a regulated site are three different keys of 256 bits', async () => {
    const resources = await renderProfile('small-enterprise+gdpr');
    const secret = resources.find(({ name }) => name === 'hexabase-encryption-keys');
    const data = fieldAt(secret?.value, 'data') as Readonly<Record<string, string>>;
    expect(Object.keys(data).sort()).toEqual(['backup', 'database', 'storage']);
    const keys = Object.values(data).map((value) => Buffer.from(value, 'base64').toString());
    expect(keys.map((key) => Buffer.from(key, 'base64').length)).toEqual([32, 32, 32]);
    expect(new Set(keys).size).toBe(3);
  });
});

describe('names', () => {
  it.each([
    ['123', 'hexabase-123'],
    ['shop', 'shop-hexabase'],
    ['my-hexabase', 'my-hexabase'],
    ['a.b', 'a-b-hexabase'],
    ['y'.repeat(46), `${'y'.repeat(29)}-`],
    ['x'.repeat(53), `${'x'.repeat(29)}-`],
  ])('for a release "%s" are such that a cluster takes them', async (releaseName, start) => {
    const resources = await render({ ...(await requestFor('medium-enterprise+gdpr')), releaseName });
    const roles = resources.filter(({ kind }) => kind.startsWith('ClusterRole'));
    expect(roles.map(({ name }) => name.startsWith(`hexabase-system-${start}`))).toEqual([true, true, true, true]);
    const names = resources.filter((resource) => !roles.includes(resource)).map(({ name }) => name);
    expect(names.filter((name) => !name.startsWith(start))).toEqual([]);
    expect(names.filter((name) => name.length > 63 || !/^[a-z]([a-z0-9-]*[a-z0-9])?$/.test(name))).toEqual([]);
    // A CronJob adds 11 characters to its own name, and a StatefulSet puts a hash after its own into a label.
    const limited = resources.filter(({ kind }) => kind === 'CronJob' || kind === 'StatefulSet');
    expect(limited.filter(({ name }) => name.length > 52)).toEqual([]);
  });

  it('of what belongs to the whole cluster differ between namespaces', async () => {
    const request = await requestFor('');
    const inNamespace = async (namespace: string): Promise<readonly string[]> =>
      (await render({ ...request, namespace })).filter(({ kind }) => kind.startsWith('Cluster')).map(({ name }) => name);
    const [one, two] = [await inNamespace('one'), await inNamespace('two')];
    expect(one).toHaveLength(4);
    expect(one.filter((name) => two.includes(name))).toEqual([]);
  });

  it('of two long releases that begin alike differ', async () => {
    const nameOf = async (end: string): Promise<string | undefined> => {
      const request = await requestFor('');
      const resources = await render({ ...request, releaseName: `${'x'.repeat(45)}${end}` });
      return resources.find(({ kind }) => kind === 'StatefulSet')?.name;
    };
    expect(await nameOf('a')).not.toBe(await nameOf('b'));
  });
});
