import { useState } from 'preact/hooks';
import { ask } from '../../api/client.js';
import { navigate } from '../../router.js';
import { CreateDialog } from '../../ui/create-dialog.js';
import { Field, SelectField, TextField } from '../../ui/form.js';
import { namesOf } from '../../ui/names.js';

const KERNELS = 'Such as 6.1.0-47-amd64, with commas between them';
const PARTS = 'Units, files, folders such as net/, or CVEs, with commas between them.';

export function NewRelease() {
  const [source, setSource] = useState('debian');
  const [from, setFrom] = useState('');
  const [to, setTo] = useState('');
  const [kernels, setKernels] = useState('');
  const [only, setOnly] = useState('');
  const [title, setTitle] = useState('');
  const [repository, setRepository] = useState('');
  const [range, setRange] = useState('');
  const [files, setFiles] = useState<readonly File[]>([]);
  const bodyOf = async () => {
    const wanted = namesOf(kernels);
    if (source === 'debian') {
      const units = namesOf(only);
      return {
        from: from.trim(),
        to: to.trim(),
        ...(wanted.length === 0 ? {} : { kernels: wanted }),
        ...(units.length === 0 ? {} : { only: units }),
      };
    }
    if (source === 'git') return { title, kernels: wanted, git: { repository, range } };
    const patches = await Promise.all(
      files.map(async (file) => ({ name: file.name, text: await file.text() })),
    );
    return { title, kernels: wanted, patches };
  };
  return (
    <CreateDialog
      title="Work on a release"
      submit="Begin"
      done="A worker splits it as soon as one is free"
      onKey
      work={async () => {
        const { id } = await ask<{ id: string }>('POST', '/factory/releases', await bodyOf());
        navigate(`/releases/${id}`);
        return undefined;
      }}
    >
      <SelectField
        label="What it is"
        value={source}
        onValue={setSource}
        options={[
          ['debian', 'two versions of the distribution'],
          ['git', 'commits of a git repository'],
          ['series', 'patches from this computer'],
        ]}
      />
      {source === 'debian' ? (
        <>
          <TextField label="From" placeholder="6.1.170-3" value={from} onValue={setFrom} required focus />
          <TextField label="To" placeholder="6.1.176-1" value={to} onValue={setTo} required />
          <TextField
            label="Kernels"
            hint={`${KERNELS}. Empty: those of the first version that machines run.`}
            value={kernels}
            onValue={setKernels}
          />
          <TextField label="Only these" hint={`${PARTS} Empty: everything.`} value={only} onValue={setOnly} />
        </>
      ) : (
        <>
          <TextField label="Title" value={title} onValue={setTitle} required focus />
          <TextField label="Kernels" hint={KERNELS} value={kernels} onValue={setKernels} required />
          {source === 'git' ? (
            <>
              <TextField
                label="Repository"
                hint="A path or address that workers can read"
                value={repository}
                onValue={setRepository}
                required
              />
              <TextField
                label="Commits"
                placeholder="v6.1.170..v6.1.176"
                value={range}
                onValue={setRange}
                required
              />
            </>
          ) : (
            <Field
              label="Patches"
              hint="Unified diffs or mails of git format-patch; each is a unit of its own."
            >
              {(id, describedBy) => (
                <input
                  id={id}
                  type="file"
                  multiple
                  required
                  accept=".patch,.diff,.mbox,text/plain"
                  aria-describedby={describedBy}
                  onChange={(event) => setFiles([...(event.currentTarget.files ?? [])])}
                />
              )}
            </Field>
          )}
        </>
      )}
    </CreateDialog>
  );
}

export function NewWatch() {
  const [kind, setKind] = useState('apt');
  const [branch, setBranch] = useState('');
  const [repository, setRepository] = useState('');
  const [flavours, setFlavours] = useState('');
  const [kernels, setKernels] = useState('');
  const [minutes, setMinutes] = useState('60');
  const [only, setOnly] = useState('');
  const [upTo, setUpTo] = useState('');
  const parts = namesOf(only);
  const body = {
    kind,
    branch: branch.trim() === '' ? null : branch.trim(),
    flavours: namesOf(flavours),
    kernels: namesOf(kernels),
    repository: kind === 'git' ? repository.trim() : null,
    only: parts.length === 0 ? null : parts,
    upTo: kind === 'git' || upTo.trim() === '' ? null : upTo.trim(),
    everyMinutes: Number(minutes),
  };
  return (
    <CreateDialog
      title="Watch"
      submit="Watch"
      done="Watched from now on"
      small
      work={async () => {
        await ask('POST', '/factory/watches', body);
        return undefined;
      }}
    >
      <SelectField
        label="Where"
        value={kind}
        onValue={setKind}
        options={[
          ['apt', 'the distribution, by the apt of the workers'],
          ['git', 'a git repository'],
        ]}
      />
      {kind === 'git' && (
        <TextField label="Repository" value={repository} onValue={setRepository} required focus />
      )}
      <TextField
        label="Branch"
        hint={kind === 'git' ? 'A branch, or a pattern of tags' : 'Such as 6.1; empty: every branch'}
        value={branch}
        onValue={setBranch}
      />
      <TextField
        label="Flavours"
        hint="Such as amd64, cloud-amd64. Empty: those that machines run."
        value={flavours}
        onValue={setFlavours}
      />
      <TextField
        label="Kernels besides"
        hint={`${KERNELS}: they get updates though no machine runs them.`}
        value={kernels}
        onValue={setKernels}
        required={kind === 'git'}
      />
      <TextField label="Only these" hint={`${PARTS} Empty: everything.`} value={only} onValue={setOnly} />
      {kind === 'apt' && (
        <TextField
          label="Up to version"
          hint="Newer ones are left alone. Empty: always the newest."
          placeholder="6.1.176-1"
          value={upTo}
          onValue={setUpTo}
        />
      )}
      <TextField
        label="Every so many minutes"
        type="number"
        min={5}
        max={10_080}
        value={minutes}
        onValue={setMinutes}
        required
      />
    </CreateDialog>
  );
}
