/** What sample programs say. */
import type { SampleCommand, SampleRole } from '../sample-roles.ts';
import type { Texts } from './common.ts';

const DID: Readonly<Record<SampleCommand, string>> = {
  serve: '',
  report: 'a sample changes nothing',
  'read-config': 'the configuration is there; a sample sets nothing up',
  'write-output': 'wrote sample.dump, without data',
};
const FAILED: Readonly<Record<SampleCommand, string>> = {
  serve: '',
  report: '',
  'read-config': 'cannot open the file of --config-file=FILE',
  'write-output': 'cannot write sample.dump into the folder of --output=FOLDER',
};

/** The texts of a sample's program. Those of its ports are there where it has ports. */
export function sampleTexts(banner: string, role: SampleRole): Texts {
  const commands = Object.entries(role.commands);
  const known = commands.map(([name]) => name).join(', ');
  const line = (text: string): Buffer => Buffer.from(`${banner}: ${text}\n`);
  const where = role.portArgument === undefined ? ` at ${role.ports.join(', ')}` : '';
  return {
    usage: Buffer.from(`${banner}\n`),
    unknown: line(`this sample knows ${known}`),
    ...Object.fromEntries(
      commands.flatMap(([name, command]) => [
        [`did ${name}`, line(`${name}: ${DID[command]}`)],
        [`failed ${name}`, line(`${name}: ${FAILED[command]}`)],
      ]),
    ),
    ready: line(`a sample; it answers${where} and does nothing else`),
    busy: line(`cannot listen${where}`),
    stopped: line('stopped'),
    answer: role.answer === 'http' ? httpAnswer(banner) : postgresqlAnswer(banner),
    'output file': Buffer.from('sample.dump\0'),
  };
}

/** A page for people that is also one for Prometheus, to which it is a comment. */
function httpAnswer(banner: string): Buffer {
  const body = `# ${banner}: a sample\n`;
  const head = ['HTTP/1.1 200 OK', 'Content-Type: text/plain; charset=utf-8', 'Connection: close'];
  return Buffer.from([...head, `Content-Length: ${Buffer.byteLength(body)}`, '', body].join('\r\n'));
}

/**
 * An error that ends the connection, after which the real `pg_isready` says that connections are accepted.
 * @see https://www.postgresql.org/docs/current/protocol-message-formats.html (ErrorResponse)
 */
function postgresqlAnswer(banner: string): Buffer {
  const fields = ['SFATAL', 'VFATAL', 'C0A000', `M${banner}: a sample; it stores nothing`, '', ''].join('\0');
  const length = Buffer.alloc(4);
  length.writeInt32BE(length.length + Buffer.byteLength(fields));
  return Buffer.concat([Buffer.from('E'), length, Buffer.from(fields)]);
}
