/** `airgap discover` prints each image with its evidence, for people and for machines. */
import { expect, test } from 'vitest';
import { DiscoveryReport } from '../../../../src/report/discovery-report.ts';
import { useTempDir } from '../../../helpers/temp.ts';
import { writeFiles } from '../../../kubernetes/charts/chart-files.ts';
import { useBuiltCli } from '../../built-cli.ts';

const temp = useTempDir();
const cli = useBuiltCli();

const POD = `apiVersion: v1
kind: Pod
metadata: {name: p}
spec: {containers: [{image: quay.io/a/app:1, args: ["--helper=quay.io/a/helper:2"]}]}
`;

test('lists certain images and suspects, with a path from the current directory', async () => {
  await writeFiles(temp.path, { 'deploy/pod.yaml': POD });
  const { exitCode, stdout, stderr } = await cli.airgap(['discover', 'deploy/pod.yaml'], { cwd: temp.path });
  expect({ exitCode, stdout, stderr }).toEqual({
    exitCode: 0,
    stdout: `quay.io/a/app:1     certain  deploy/pod.yaml:4 Pod/p spec.containers[0].image
quay.io/a/helper:2  suspect  deploy/pod.yaml:1 Pod/p spec.containers[0].args[0] (argument)
1 certain image, 1 suspect
`,
    stderr: 'suspects are refused by `airgap resolve`: name each under `accept` or `dismiss` of the release.yaml\n',
  });
  const json = await cli.airgap(['discover', 'deploy', '--json'], { cwd: temp.path });
  const document: unknown = JSON.parse(json.stdout);
  expect(() => DiscoveryReport.parse(document)).not.toThrow();
  expect(document).toMatchObject({
    images: [
      { reference: 'quay.io/a/app:1', certainty: 'certain', evidence: [{ file: 'deploy/pod.yaml', kind: 'Pod' }] },
      { reference: 'quay.io/a/helper:2', certainty: 'suspect', evidence: [{ rule: 'argument' }] },
    ],
    warnings: [],
  });
});

test('says which of the images that run in a cluster are missing', async () => {
  await writeFiles(temp.path, { 'pod.yaml': POD });
  const list = { items: [{ spec: { containers: [{ image: 'quay.io/a/app:1' }, { image: 'quay.io/b/other:3' }] } }] };
  const { stdout } = await cli.airgap(['discover', 'pod.yaml', '--from-cluster', '-'], {
    cwd: temp.path,
    input: JSON.stringify(list),
  });
  expect(stdout).toContain('runs in the cluster, not in the release: quay.io/b/other:3\n');
  expect(stdout).toContain('1 of 2 that run are not in the release');
});

test('asks for something to look at', async () => {
  const { exitCode, stderr } = await cli.airgap(['discover'], { cwd: temp.path });
  expect({ exitCode, stderr }).toMatchObject({
    exitCode: 1,
    stderr: expect.stringContaining('release.yaml') as string,
  });
});
