import { createHash, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type ModuleTrust, openMachine, readModuleTrust } from '@resplice/host';
import { type ModuleKeyCertificate, prepareModuleKey } from '@resplice/publish';
import { EnvironmentError, InputError } from '@resplice/report';
import { writeDurably } from '@resplice/update';
import { DONE, done, type Outcome, REFUSED } from '../outcome.js';
import { alignColumns } from '../printed-text.js';
import { runSession } from '../session.js';
import { newSiteCommand, siteOptions } from '../site-command.js';

export function keysMokCommand() {
  return newSiteCommand(
    'mok',
    'prepare the key that signs modules, and say how a machine with Secure Boot gets to know it',
    ['resplice keys mok', 'sudo resplice keys mok --certificate mok.der'],
  )
    .option(
      '--certificate <file>',
      'on a machine: say whether its kernel knows this certificate, and what to do',
    )
    .option('--name <text>', 'what firmware and kernel show for a new key', 'Resplice updates')
    .option('-o, --output <file>', 'where to write the certificate; default: mok.der in the site')
    .action((options) =>
      runSession(options, async () => {
        if (options.certificate !== undefined) return await judgeCertificate(options.certificate);
        const site = siteOptions(options);
        const prepared = await prepareModuleKey(options.name, site);
        const output = options.output ?? join(site.site.folder, 'mok.der');
        await writeCertificate(output, prepared.certificate);
        return renderPrepared(prepared, output);
      }),
    );
}

export function renderPrepared({ file, made, certificate }: ModuleKeyCertificate, output: string): Outcome {
  const sha256 = createHash('sha256').update(certificate).digest('hex');
  return done({ key: file, made, certificate: output, sha256 }, [
    `${file}: the key that signs modules${made ? ', made now' : ''}`,
    `${output}: its certificate; sha256 ${sha256}`,
    '',
    'Sign updates before they are published: resplice keys sign fix.splice',
    '',
    'Machines that are started with Secure Boot load only modules whose signer they know. Once on each of them:',
    ...listSteps(output),
  ]);
}

function listSteps(certificate: string): readonly string[] {
  return [
    `  1. bring ${certificate} there and compare its sum with the one above: sha256sum ${certificate}`,
    '  2. sudo apt-get install mokutil',
    `  3. sudo mokutil --import ${certificate}        it asks for a password that is needed once, in step 4`,
    '  4. reboot, at the console: "Enroll MOK", "Continue", "Yes", the password, "Reboot"',
    `  5. sudo resplice keys mok --certificate ${certificate}        says whether the kernel knows it now`,
    'Nobody can do step 4 over the network: it is what keeps somebody who is root from enrolling keys of his own.',
  ];
}

async function judgeCertificate(file: string): Promise<Outcome> {
  const certificate = await readCertificate(file);
  const commonName = /(?:^|\n)CN=([^\n]*)/.exec(certificate.subject)?.[1] ?? '';
  const serial = certificate.serialNumber.toLowerCase();
  return renderTrust(readModuleTrust(openMachine(), { commonName, serial }), commonName, file);
}

/** Exit status 1 when updates that this key signed would not be loaded here. */
export function renderTrust(trust: ModuleTrust, name: string, file: string): Outcome {
  const { secureBoot, forcedBy, known } = trust;
  const tell = (value: boolean | undefined, yes: string, no: string): string =>
    value === undefined ? 'cannot be told here; run it as root' : value ? yes : no;
  const rows = [
    [
      'secure boot',
      secureBoot === undefined
        ? 'not known: no UEFI, or its variables are not mounted'
        : secureBoot
          ? 'on'
          : 'off',
    ],
    ['modules', forcedBy === undefined ? 'unsigned ones are loaded too' : `only signed ones: ${forcedBy}`],
    [name, tell(known, 'the kernel knows this key', 'the kernel does not know this key')],
  ];
  const needed = forcedBy !== undefined && known === false;
  const next = needed
    ? ['', 'Updates that this key signed are refused here until it is enrolled:', ...listSteps(file)]
    : known === false
      ? ['', 'Nothing has to be done: updates are loaded here with or without a signature.']
      : [];
  return {
    exitStatus: needed ? REFUSED : DONE,
    json: { ...trust, name },
    lines: [...alignColumns(rows), ...next],
  };
}

async function readCertificate(file: string): Promise<X509Certificate> {
  try {
    return new X509Certificate(await readFile(file));
  } catch (cause) {
    const message = `${file}: is not a certificate that can be read; expected the DER file that "resplice keys mok" writes`;
    throw new InputError('not-a-certificate', message, { context: { file }, cause });
  }
}

async function writeCertificate(file: string, bytes: Uint8Array): Promise<void> {
  try {
    await writeDurably(file, bytes);
  } catch (cause) {
    const message = `${file}: the certificate cannot be written; choose another place with -o`;
    throw new EnvironmentError('certificate-not-writable', message, { context: { file }, cause });
  }
}
