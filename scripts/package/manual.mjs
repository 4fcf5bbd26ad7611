// Manual pages: resplice(8) of the commands themselves, resplice.conf(5) of the commented configuration.

const roff = (text) =>
  text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/^(['.])/gm, '\\&$1');

export function renderManual({ version, commands }) {
  const blocks = commands.map(({ name, summary, usage, arguments: args, options }) => {
    const rows = [
      ...args.map(({ term, text }) => [term, text]),
      ...options.map(({ flags, text }) => [flags, text]),
    ];
    const list = rows.map(([term, text]) => `.RS\n.TP\n.B ${roff(term)}\n${roff(text || '\u00a0')}\n.RE`);
    return `.SS ${roff(`resplice ${name} ${usage}`)}\n${roff(capital(summary))}.\n${list.join('\n')}`;
  });
  return `.TH RESPLICE 8 "" "resplice ${version}" "System Administration"
.SH NAME
resplice \\- security updates of the running Linux kernel, without a reboot
.SH SYNOPSIS
.B resplice
.I command
.RI [ options ]
.SH DESCRIPTION
Applies verified updates to the code of the running kernel, keeps them over reboots, takes them back, and watches over them. Updates come
from a repository that is signed by keys which this machine was given, by itself or by way of a server.
.SH COMMANDS
${blocks.join('\n')}
.SH EXIT STATUS
.TP
.B 0
done, or there was nothing to do
.TP
.B 1
refused; the reasons are printed
.TP
.B 2
the command line makes no sense
.TP
.B 3
a file, name or value that was given is malformed or does not exist
.TP
.B 4
something is damaged, altered or not to be believed
.TP
.B 5
this machine lacks something, such as root rights
.TP
.B 6
the server or the repository cannot be reached; the next run may succeed
.TP
.B 70
a bug in resplice
.PP
.B resplice check
ends as monitoring plugins do: 0 OK, 1 warning, 2 critical, 3 unknown.
.SH FILES
.TP
.I /etc/resplice/resplice.conf
the configuration, see
.BR resplice.conf (5)
.TP
.I /etc/resplice/root.json
the root of the repository that this machine believes
.TP
.I /etc/resplice/disable
while it exists, nothing is applied, at boot or later; so does
.B noresplice
on the kernel command line
.TP
.I /var/lib/resplice
what is wanted on each kernel, with the files; survives reboots and updates of this package
.SH ENVIRONMENT
.BR http_proxy ", " https_proxy ", " no_proxy
count when the configuration names no proxy. The program is made with Node.js, which obeys
.BR NODE_OPTIONS :
do not let others set the environment of a command that runs as root. sudo and the units of this package do not.
.SH SEE ALSO
.BR resplice.conf (5)
`;
}

/** Each comment above a key is what is said about it. */
export function renderConfigurationPage(text) {
  const entries = text
    .split('\n\n')
    .slice(1)
    .map((block) => {
      const lines = block.trim().split('\n');
      const keys = lines.filter((line) => /^#[a-z-]+ = /.test(line)).map((line) => line.slice(1));
      const words = lines.filter((line) => line.startsWith('# ')).map((line) => line.slice(2));
      return `.TP\n.B ${roff(keys.join(', '))}\n${roff(words.join(' '))}`;
    });
  return `.TH RESPLICE.CONF 5 "" "resplice" "File Formats"
.SH NAME
resplice.conf \\- configuration of resplice on a machine
.SH DESCRIPTION
Lines of
.IR "key = value" .
What follows a
.B #
at the beginning of a line or after a space is a comment. A key that is not known, or a value that makes no sense, is an error with its line. Each key below
is shown with its default or an example.
.SH KEYS
${entries.join('\n')}
.SH SEE ALSO
.BR resplice (8)
`;
}

function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
