/** What a check leaves on disk: its report in the form or forms that were asked for, and a signed statement about them. */
import { join } from 'node:path';
import { removeResultFile, writeResultFile } from '../../base/files/result-file.ts';
import { UsageError } from '../../errors.ts';
import { sha256 } from '../../oci/digest.ts';
import type { CheckReport } from '../../report/checks/check-report.ts';
import { formatDocument } from '../../report/json-document.ts';
import type { ReleaseSigner } from '../../trust/signing/signer.ts';
import type { Context } from '../context.ts';

const FORMS = ['check-report.json', 'check-report.md', 'check-report.html'] as const;
const STATEMENT = 'check-report.sigstore.json';

/** The report, in the form that the name of its file asks for. */
export async function formatReport(path: string, report: CheckReport): Promise<string> {
  const { toCheckHtml } = await import('../../report/checks/check-html.ts');
  const { toCheckMarkdown } = await import('../../report/checks/check-markdown.ts');
  if (/\.html?$/.test(path)) return toCheckHtml(report);
  return path.endsWith('.md') ? toCheckMarkdown(report) : formatDocument(report);
}

/**
 * Opens the signer of the statement; undefined where none is named.
 * @throws UsageError `USAGE` for options that need others.
 */
export async function openEvidenceSigner(
  context: Context,
  options: {
    readonly sign: string | undefined;
    readonly output: string | undefined;
    readonly passphraseFile: string | undefined;
  },
): Promise<ReleaseSigner | undefined> {
  const { sign, output, passphraseFile } = options;
  if (sign === undefined) {
    if (passphraseFile === undefined) return undefined;
    throw new UsageError('USAGE', '--passphrase-file is for the key of --sign, which is not given');
  }
  if (output === undefined) {
    throw new UsageError('USAGE', '--sign signs a statement about files, and none are written', {
      hint: 'say where with --output DIRECTORY',
    });
  }
  const { openKeySigners } = await import('./signers.ts');
  const [signer] = await openKeySigners(context, {
    key: [sign],
    passphraseFile: passphraseFile === undefined ? [] : [passphraseFile],
    expectKey: [],
  });
  return signer;
}

/**
 * Writes the report in all its forms, and with a signer the statement about them. Older ones are replaced; one that was
 * signed is taken away first, so that no statement is left beside a report that it is not about.
 * @returns the paths of what was written
 * @throws StoreError `STORE_IO` or `NO_SPACE`
 */
export async function writeEvidence(
  directory: string,
  report: CheckReport,
  signer: ReleaseSigner | undefined,
): Promise<readonly string[]> {
  const { createCheckStatement, serializeCheckStatement } = await import('../../trust/provenance/check-statement.ts');
  const { STATEMENT_PAYLOAD_TYPE } = await import('../../trust/provenance/statement.ts');
  const { toCheckPredicate } = await import('../../report/checks/check-evidence.ts');
  const texts = await Promise.all(FORMS.map(async (name) => ({ path: name, text: await formatReport(name, report) })));
  // Before anything is written: a key that does not sign leaves nothing half done.
  const subjects = texts.map(({ path, text }) => ({ path, digest: sha256(text) }));
  const statement = serializeCheckStatement(createCheckStatement(subjects, toCheckPredicate(report)));
  const bundle = await signer?.attest(statement, STATEMENT_PAYLOAD_TYPE);
  await removeResultFile(join(directory, STATEMENT));
  for (const { path, text } of texts) await writeResultFile(join(directory, path), text);
  if (bundle !== undefined) await writeResultFile(join(directory, STATEMENT), Buffer.from(bundle).toString('utf8'));
  const names = bundle === undefined ? FORMS : [...FORMS, STATEMENT];
  return names.map((name) => join(directory, name));
}
