/** Passphrases from a file, from the environment, and from a person at a real terminal. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import type { ReadStream } from 'node:tty';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { readPassphrase, type PassphraseOptions } from '../../../src/cli/inputs/passphrase.ts';
import type { ErrorCode } from '../../../src/errors.ts';
import { runOk } from '../../helpers/run.ts';
import { requireTool } from '../../helpers/require-tool.ts';
import { useTempDir } from '../../helpers/temp.ts';

const temp = useTempDir();
const noTerminal = { isTTY: false } as ReadStream;
const base = { subject: 'ci.key', purpose: 'use', environment: {}, input: noTerminal } as const;
const MODULE = fileURLToPath(new URL('../../../src/cli/inputs/passphrase.ts', import.meta.url));

describe('without a terminal', () => {
  it.each([
    ['secret', 'secret'],
    ['secret\n', 'secret'],
    ['secret\r\n', 'secret'],
    [' two words \n', ' two words '],
    ['ü馬', 'ü馬'],
    [`${'x'.repeat(1024)}\r\n`, 'x'.repeat(1024)],
  ])('reads the file %j', async (content, passphrase) => {
    await writeFile(temp.join('passphrase'), content);
    const environment = { AIRGAP_PASSPHRASE: 'another' };
    expect(await readPassphrase({ ...base, environment, file: temp.join('passphrase') })).toEqual(
      Buffer.from(passphrase),
    );
  });

  it.each([
    ['', 'is empty'],
    ['\n', 'is empty'],
    ['secret\n\n', 'more than one line'],
    ['one\ntwo\n', 'more than one line'],
    ['x'.repeat(1025), 'longer than 1024 bytes'],
    ['x'.repeat(1_000_000), 'longer than 1024 bytes'],
  ])('refuses the file %j', async (content, reason) => {
    const file = temp.join('passphrase');
    await writeFile(file, content);
    await expect(readPassphrase({ ...base, file })).rejects.toThrow(usageError(`${file}: the passphrase`));
    await expect(readPassphrase({ ...base, file })).rejects.toThrow(usageError(reason));
  });

  it('refuses a file that is not there, with its name', async () => {
    const file = temp.join('none');
    await expect(readPassphrase({ ...base, file })).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: `${file}: no such file`,
    });
    await expect(readPassphrase({ ...base, file: temp.path })).rejects.toThrow(usageError('cannot be read'));
  });

  it('takes bytes as they are, so that different ones stay different', async () => {
    for (const bytes of [Buffer.from([0x61, 0xe9]), Buffer.from([0x61, 0xff]), Buffer.from('a\uFFFD')]) {
      await writeFile(temp.join('passphrase'), bytes);
      expect(await readPassphrase({ ...base, file: temp.join('passphrase') })).toEqual(bytes);
      const shown = `import { readPassphrase } from '${MODULE}';
        console.log((await readPassphrase({ subject: 'x', purpose: 'use' })).toString('hex'));`;
      await writeFile(temp.join('show.ts'), shown);
      const line = `AIRGAP_PASSPHRASE="$(cat '${temp.join('passphrase')}')" '${process.execPath}' '${temp.join('show.ts')}'`;
      expect((await runOk('sh', ['-c', line])).stdout.trim()).toBe(bytes.toString('hex'));
    }
    const strange = { AIRGAP_PASSPHRASE: 'a\uFFFD, which this process was not started with' };
    await expect(readPassphrase({ ...base, environment: strange })).rejects.toThrow(usageError('not UTF-8'));
  });

  it('reads the environment', async () => {
    expect(await readPassphrase({ ...base, environment: { AIRGAP_PASSPHRASE: 'secret' } })).toEqual(
      Buffer.from('secret'),
    );
  });

  it('refuses an empty variable, as an unset secret of a CI job leaves one', async () => {
    const options: PassphraseOptions = { ...base, environment: { AIRGAP_PASSPHRASE: '' } };
    await expect(readPassphrase(options)).rejects.toThrow(usageError('AIRGAP_PASSPHRASE: the passphrase is empty'));
  });

  it('says how else to give it', async () => {
    await expect(readPassphrase(base)).rejects.toThrow(usageError('ci.key needs a passphrase', '--passphrase-file'));
  });

  it('ends on an aborted signal', async () => {
    const signal = AbortSignal.abort();
    await expect(readPassphrase({ ...base, signal })).rejects.toThrow(
      expect.objectContaining({ name: 'AbortError' }) as Error,
    );
  });
});

describe('at a terminal', () => {
  const script = requireTool('script');
  const single = ['Passphrase for ci.key: '];
  const twice = [...single, 'The same again: '];

  it.skipIf(script === undefined).each([
    ['a line', 'secret\r', 'secret'],
    ['erased characters', 'sec\xc3\xbcx\x7f\x7fret\r', 'secret'],
    ['erased bytes of a Latin-1 terminal', 'sec\xbfx\x7f\x7fret\r', 'secret'],
    ['bytes that are no UTF-8, as they are', 'secr\xe9t\xff\r', 'secr\xe9t\xff'],
    ['what was pasted, without what the terminal puts around it', '\x1b[200~secret\x1b[201~\r', 'secret'],
    ['backspaces beyond the start', '\b\bsecret\r', 'secret'],
    ['a cleared line', 'wrong\x15secret\r', 'secret'],
  ])('asks once for use and takes %s', async (_name, typed, passphrase) => {
    const { result, stdout } = await atTerminal('use', single, [typed]);
    expect(result).toEqual({ passphrase });
    expect(stdout).not.toContain('sec');
  });

  it.skipIf(script === undefined)('asks twice to create, and both must agree', async () => {
    expect((await atTerminal('create', twice, ['secret\r', 'secret\r'])).result).toEqual({ passphrase: 'secret' });
    const { result, stdout } = await atTerminal('create', twice, ['secret\r', 'secert\r']);
    expect(result).toMatchObject({ code: 'USAGE', message: 'ci.key: the two passphrases differ' });
    expect(stdout).not.toContain('sec');
  });

  it.skipIf(script === undefined)('takes two lines that were pasted at once', async () => {
    expect((await atTerminal('create', single, ['secret\rsecret\r'])).result).toEqual({ passphrase: 'secret' });
  });

  it.skipIf(script === undefined)('refuses an empty line, and stops at Ctrl-C', async () => {
    expect((await atTerminal('use', single, ['\r'])).result).toMatchObject({
      message: 'ci.key: the passphrase is empty',
    });
    expect((await atTerminal('use', single, ['sec\x03'])).result).toMatchObject({ name: 'AbortError', raw: false });
  });

  /** Runs the prompt on a pseudo-terminal, answers each prompt as it appears, and returns what the program got. */
  async function atTerminal(
    purpose: 'create' | 'use',
    prompts: readonly string[],
    answers: readonly string[],
  ): Promise<{ readonly result: unknown; readonly stdout: string }> {
    const program = temp.join('program.ts');
    const outcome = temp.join('outcome.json');
    await writeFile(
      program,
      `import { writeFileSync } from 'node:fs';
       import { readPassphrase } from ${JSON.stringify(MODULE)};
       const outcome = await readPassphrase({ subject: 'ci.key', purpose: ${JSON.stringify(purpose)}, environment: {} }).then(
         (passphrase) => ({ passphrase: passphrase.toString('latin1') }),
         ({ name, code, message }) => ({ name, code, message, raw: process.stdin.isRaw }));
       writeFileSync(${JSON.stringify(outcome)}, JSON.stringify(outcome));`,
    );
    const child = spawn(script ?? '', ['-qefc', '"$TEST_NODE" "$TEST_PROGRAM"', '/dev/null'], {
      env: { ...process.env, SHELL: '/bin/sh', TEST_NODE: process.execPath, TEST_PROGRAM: program },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const closed = once(child, 'close');
    let stdout = '';
    let asked = 0;
    child.stdout.on('data', (chunk: Buffer) => {
      stdout += chunk.toString();
      const prompt = prompts[asked];
      if (prompt === undefined || !stdout.includes(prompt)) return;
      child.stdin.write(Buffer.from(answers[asked] ?? '', 'latin1'));
      asked += 1;
    });
    await closed;
    return { result: JSON.parse(await readFile(outcome, 'utf8')), stdout };
  }
});

function usageError(message: string, hint?: string): Error {
  const code: ErrorCode = 'USAGE';
  const texts: Record<string, unknown> = { message: expect.stringContaining(message) };
  if (hint !== undefined) texts['hint'] = expect.stringContaining(hint);
  return expect.objectContaining({ name: 'UsageError', code, ...texts }) as Error;
}
