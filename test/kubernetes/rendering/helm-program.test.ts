/** A helm program of the machine: which ones are taken, and what they are told. */
import { chmod, readdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { expect, test } from 'vitest';
import { openHelmProgram } from '../../../src/kubernetes/rendering/helm-program.ts';
import { joinDocuments } from '../../../src/kubernetes/rendering/rendered-documents.ts';
import { requireTool } from '../../helpers/require-tool.ts';
import { useTempDir } from '../../helpers/temp.ts';
import { CORPUS, requestFor, type CorpusChart } from './corpus.ts';

const temp = useTempDir();
const PATH = process.env['PATH'];

test.for([
  ['helm3', /^3\.\d+\.\d+$/],
  ['helm4', /^4\.\d+\.\d+$/],
] as const)('the version of %s is read and recorded', async ([name, version], t) => {
  const program = requireTool(name) ?? t.skip();
  const renderer = await openHelmProgram({ program, path: PATH });
  expect(renderer.name).toBe('helm');
  expect(renderer.version).toMatch(version);
});

test.each([
  ['v3.13.9', 'is Helm 3.13.9'],
  ['v2.17.0', 'is Helm 2.17.0'],
  ['hello', 'does not answer as Helm does'],
])('a program that says %s is refused', async (says, why) => {
  const program = temp.join('helm');
  await writeFile(program, `#!/bin/sh\necho ${says}\n`);
  await chmod(program, 0o755);
  await expect(openHelmProgram({ program, path: PATH })).rejects.toMatchObject({
    code: 'UNSUPPORTED',
    message: `${program} ${why}; charts are rendered by Helm 3.14 or newer`,
  });
});

test('without prlimit charts are rendered all the same', async (t) => {
  const program = requireTool('helm4') ?? t.skip();
  const chart = CORPUS[0] as CorpusChart;
  const renderer = await openHelmProgram({ program, path: '' });
  const { documents } = await renderer.render(await requestFor(chart));
  expect(joinDocuments(documents)).toMatch(chart.holds);
});

test('the program finds an empty home, and it is gone afterwards', async () => {
  const program = temp.join('helm');
  await writeFile(
    program,
    '#!/bin/sh\n[ "$1" = version ] && echo v3.15.1 && exit\necho "---"\necho "# Source: a/b"\nenv | sort\necho "limits: $(ulimit -t) $(ulimit -v) $(ulimit -c)"\npwd -P >/dev/null\nls -A "$HOME" | sed "s/^/in home: /"\n',
  );
  await chmod(program, 0o755);
  const before = (await readdir(tmpdir())).filter((name) => name.startsWith('airgap-helm-'));
  const chart = CORPUS[0] as CorpusChart;
  const { documents } = await (await openHelmProgram({ program, path: PATH })).render(await requestFor(chart));
  const lines = documents[0]?.text.split('\n') ?? [];
  const names = lines.filter((line) => line.includes('=')).map((line) => line.split('=')[0]);
  const own =
    /^(GOMAXPROCS|HOME|TMPDIR|XDG_\w+_HOME|HELM_(\w+_HOME|PLUGINS)|KUBECONFIG|HTTPS?_PROXY|GOMEMLIMIT|PWD|SHLVL|_|OLDPWD)$/;
  expect(names.filter((name) => !own.test(name ?? ''))).toEqual([]);
  expect(names).toContain('KUBECONFIG');
  // Seconds of two threads and one more, kibibytes with what Go reserves, no dump of its memory.
  expect(lines).toContain(`limits: 241 ${1536 * 1024} 0`);
  expect(lines.filter((line) => line.startsWith('in home: '))).toEqual([
    'in home: chart.tgz',
    'in home: values-0.yaml',
  ]);
  const home = lines.find((line) => line.startsWith('HOME='))?.slice('HOME='.length) ?? '';
  expect(before).not.toContain(home.split('/').at(-1));
  await expect(readdir(home)).rejects.toMatchObject({ code: 'ENOENT' });
});
