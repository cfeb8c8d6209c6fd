/** What was decided of one archive cannot be used with another: the compiler refuses it, and so does the running program. */
import { closeSync, openSync, readdirSync, readlinkSync, readSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';
import { TrustedArchive, trustArchive } from '../../../src/archive/verification/trusted-archive.ts';
import { VerifiedArchive, verifyPayload } from '../../../src/archive/verification/verified-archive.ts';
import { extractFiles } from '../../../src/operations/extract.ts';
import { loadRelease, LoadPlan } from '../../../src/operations/load/load.ts';
import { loadTars, TarballPlan } from '../../../src/operations/load/tarballs.ts';
import { useTempDir } from '../../helpers/temp.ts';
import { pairOf } from '../../trust/documents/trust-documents.ts';
import { makeArchive } from './trusted-archive.ts';

const temp = useTempDir();
const root = fileURLToPath(new URL('../../..', import.meta.url));

const HEAD = `
import { extractFiles, loadRelease, loadTars, planDirectory, planDocker, planLoad, trustArchive, verifyArchive, verifyPayload, verifyStream } from '../../../src/index.ts';
import type { ImageTarget, LoadPlan, TarballPlan, TrustedArchive, TrustedRelease, VerifiedArchive } from '../../../src/index.ts';
import { acceptArchive } from '../../../src/archive/verification/trusted-archive.ts';
import { openArchive, openSealedArchive } from '../../../src/archive/reader/reader.ts';
declare const policy: Parameters<typeof trustArchive>[1];
declare const target: ImageTarget;
declare const stream: AsyncIterable<Uint8Array>;
`;

/** Programs that do what the types are there for. */
const ALLOWED = [
  `using a = await trustArchive('a.tar', policy); await loadRelease(await planLoad(a, target));`,
  `using a = await trustArchive('a.tar', policy); await extractFiles(await verifyPayload(a), 'out');`,
  `using a = await trustArchive('a.tar', policy); await loadTars(await planDirectory(a, 'images'));`,
  `using a = await trustArchive('a.tar', policy); await loadTars(await planDocker(a));`,
  `using a = await acceptArchive(await openSealedArchive('a.tar'), policy); await verifyPayload(a);`,
  `const { digest } = await verifyStream(stream, 'stream', policy); export { digest };`,
];

/** Programs that mix two archives, or leave something out, and the reason the compiler gives. */
const REFUSED: readonly (readonly [what: string, program: string])[] = [
  ['an archive that was only opened is verified', `using b = await openArchive('b.tar'); await verifyPayload(b);`],
  ['an archive that was only opened is loaded', `using b = await openArchive('b.tar'); await planLoad(b, target);`],
  ['one archive is loaded with the release of another', `using a = await trustArchive('a.tar', policy); using b = await openArchive('b.tar'); await planLoad(b, a.release, target);`],
  ['an archive and a release are put together', `using a = await trustArchive('a.tar', policy); using b = await openArchive('b.tar'); const forged: TrustedArchive = Object.assign(b, { release: a.release, contentBytes: 0, tarballs: [], fetchTarball: () => stream }); await verifyPayload(forged);`],
  ['a trusted archive is copied and its release exchanged', `using a = await trustArchive('a.tar', policy); using b = await trustArchive('b.tar', policy); const forged: TrustedArchive = { ...b, release: a.release }; await verifyPayload(forged);`],
  ['the release of a trusted archive is exchanged', `using a = await trustArchive('a.tar', policy); using b = await trustArchive('b.tar', policy); a.release = b.release;`],
  ['a trusted archive is constructed', `using b = await openArchive('b.tar'); declare const release: TrustedRelease; new (await import('../../../src/archive/verification/trusted-archive.ts')).TrustedArchive(Symbol(), b, release);`],
  ['what was not verified is extracted', `using a = await trustArchive('a.tar', policy); await extractFiles(a, 'out');`],
  ['what was verified as a stream is extracted', `await extractFiles(await verifyStream(stream, 'stream', policy), 'out');`],
  ['what was verified as a stream is loaded', `await planLoad(await verifyStream(stream, 'stream', policy), target);`],
  ['what was verified and closed is extracted', `await extractFiles(await verifyArchive('a.tar', policy), 'out');`],
  ['a verified archive is copied', `using a = await trustArchive('a.tar', policy); const v = await verifyPayload(a); const forged: VerifiedArchive = { ...v, name: 'b', fetch: () => stream }; await extractFiles(forged, 'out');`],
  ['a plan gets other content', `using a = await trustArchive('a.tar', policy); using b = await trustArchive('b.tar', policy); const plan = await planLoad(a, target); const other = await planLoad(b, target); const forged: LoadPlan = { ...plan, pending: other.pending }; await loadRelease(forged);`],
  ['tarballs of a plan are loaded from another archive', `using a = await trustArchive('a.tar', policy); using b = await trustArchive('b.tar', policy); const plan = await planDirectory(a, 'images'); await loadTars(b, plan);`],
  ['a plan gets other tarballs', `using a = await trustArchive('a.tar', policy); const plan = await planDirectory(a, 'images'); const forged: TarballPlan = { kind: 'directory', tarballs: plan.tarballs }; await loadTars(forged);`],
]; // prettier-ignore

/** Every program with what the compiler has against it, in one run: types are read once. */
function compile(programs: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const files = new Map(programs.map((program, index) => [`${root}test/archive/verification/program-${index}.ts`, program])); // prettier-ignore
  const { config } = ts.readConfigFile(`${root}tsconfig.json`, (path) => ts.sys.readFile(path)) as { config: object };
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root);
  const settings: ts.CompilerOptions = {
    ...options,
    noEmit: true,
    skipLibCheck: true,
    noUnusedLocals: false,
    noUnusedParameters: false,
  };
  const host = ts.createCompilerHost(settings);
  const fileExists = host.fileExists.bind(host);
  const readSource = host.readFile.bind(host);
  const textOf = (path: string): string | undefined => {
    const program = files.get(path);
    return program === undefined ? undefined : `${HEAD}\n${program}\nexport {};\n`;
  };
  host.fileExists = (path) => files.has(path) || fileExists(path);
  host.readFile = (path) => textOf(path) ?? readSource(path);
  host.getSourceFile = (path, languageVersion) => {
    const text = host.readFile(path);
    return text === undefined ? undefined : ts.createSourceFile(path, text, languageVersion);
  };
  const compiled = ts.createProgram([...files.keys()], settings, host);
  return new Map(
    [...files].map(([path, program]) => {
      const found = ts.getPreEmitDiagnostics(compiled, compiled.getSourceFile(path));
      return [program, found.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, ' '))];
    }),
  );
}

describe('a program that uses the types', () => {
  const verdicts = compile([...ALLOWED, ...REFUSED.map(([, program]) => program)]);

  test.each(ALLOWED)('compiles: %s', (program) => {
    expect(verdicts.get(program)).toEqual([]);
  });

  test.each(REFUSED)('does not compile where %s', (_, program) => {
    const reasons = verdicts.get(program);
    expect(reasons).toHaveLength(1);
    // The reason is that types do not fit, and no name that does not exist.
    expect(reasons?.[0]).toMatch(/^(Argument of type|Type|Property|Expected|Cannot assign to)/);
    expect(reasons?.[0]).not.toMatch(/does not exist|Cannot find/);
  });
});

describe('a program that gets round the types', () => {
  const policy = { keys: [pairOf('release').publicKey], threshold: 1 };

  async function openBoth(): Promise<readonly [TrustedArchive, TrustedArchive]> {
    await makeArchive(temp.join('a.tar'), { sequence: 1, signers: ['release'] });
    await makeArchive(temp.join('b.tar'), { sequence: 2, signers: ['release'] });
    return [await trustArchive(temp.join('a.tar'), policy), await trustArchive(temp.join('b.tar'), policy)];
  }

  test('cannot construct what it did not get', async () => {
    const [a] = await openBoth();
    using _ = a;
    for (const Forged of [TrustedArchive, VerifiedArchive]) {
      expect(() => new (Forged as unknown as new (...args: unknown[]) => object)(Symbol('decided'), a, {})).toThrow(
        TypeError,
      );
    }
  });

  test.each(['a copy', 'a prototype'])('cannot pass %s with another release', async (kind) => {
    const [a, b] = await openBoth();
    using _ = a;
    using _b = b;
    const properties = Object.getOwnPropertyDescriptors({ release: a.release, name: a.name, contentBytes: 0 });
    const forged = (kind === 'a copy' ? { ...b, ...properties } : Object.create(b, properties)) as TrustedArchive;
    await expect(verifyPayload(forged)).rejects.toThrow(TypeError);
    await expect(extractFiles(Object.create(await verifyPayload(b), properties) as VerifiedArchive, temp.join('out'))).rejects.toThrow(TypeError); // prettier-ignore
    const pending = { blobs: [], manifests: [], tags: [1], substituted: [] };
    await expect(loadRelease(Object.create(LoadPlan.prototype, { pending: { value: pending } }) as LoadPlan)).rejects.toThrow(TypeError); // prettier-ignore
    await expect(loadTars(Object.create(TarballPlan.prototype, properties) as TarballPlan)).rejects.toThrow(TypeError);
  });

  test('an archive that is refused is closed', async () => {
    await makeArchive(temp.join('a.tar'), { sequence: 1, signers: ['stranger'] });
    await expect(trustArchive(temp.join('a.tar'), policy)).rejects.toMatchObject({ code: 'UNTRUSTED_SIGNER' });
    expect(openFilesOf('a.tar')).toEqual([]);
  });

  test('an archive that is let go of twice closes no other file', async () => {
    await makeArchive(temp.join('a.tar'), { sequence: 1, signers: ['release'] });
    const archive = await trustArchive(temp.join('a.tar'), policy);
    expect(openFilesOf('a.tar')).toHaveLength(1);
    archive[Symbol.dispose]();
    expect(openFilesOf('a.tar')).toEqual([]);
    // Gets the number that was the archive's.
    const other = openSync(temp.join('a.tar'), 'r');
    archive[Symbol.dispose]();
    expect(readSync(other, Buffer.alloc(1), 0, 1, 0)).toBe(1);
    closeSync(other);
  });

  const openFilesOf = (name: string): readonly string[] =>
    readdirSync('/proc/self/fd').filter((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`) === temp.join(name);
      } catch {
        return false;
      }
    });
});
