import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parsePatch } from '@resplice/build';
import { ConversionDetail } from '@resplice/protocol/factory';
import { tellingUpdate } from '@resplice/update/sample';
import { describeConversion } from '../../src/detail/describe-conversion.js';
import { explainChange } from '../../src/detail/explain-change.js';

const PATCH = `--- a/ipc/util.c
+++ b/ipc/util.c
@@ -253,7 +253,7 @@ static inline int ipc_idr_alloc(struct ipc_ids *ids, struct kern_ipc_perm *new)
 	} else {
 		new->seq = ipcid_to_seqx(next_id);
 		idx = idr_alloc(&ids->ipcs_idr, new, ipcid_to_idx(next_id),
-				0, GFP_NOWAIT);
+				ipc_mni, GFP_NOWAIT);
 	}
 	if (idx >= 0)
 		new->id = (new->seq << ipcmni_seq_shift()) + idx;
`;
const patches = [{ patch: parsePatch(PATCH, 'fix.patch'), isCustom: false }];
const difference = { offsetBefore: 5, offsetAfter: 5, before: 'xor %ecx,%ecx', after: 'mov ipc_mni,%ecx' };
const changed = (name: string) => ({ name, source: 'ipc/util.c', firstDifference: difference });

test('a function whose source the patch changes says where', () => {
  const why = explainChange(changed('ipc_idr_alloc'), patches, new Set());
  assert.equal(why, 'the patch changes its source (ipc/util.c:253)');
});

test('a function into which changed code was compiled names that code', () => {
  const why = explainChange(changed('ipc_addid'), patches, new Set(['ipc_addid']));
  assert.match(
    why,
    /^it has code of ipc_idr_alloc, which the patch changes .*differs first at xor %ecx,%ecx$/,
  );
});

test('a part that the compiler split off belongs to its function', () => {
  const why = explainChange(changed('ipc_idr_alloc.constprop.0'), patches, new Set());
  assert.match(why, /^the patch changes its source/);
});

test('the shipped code is shown from the manifest, with the first difference', () => {
  const update = tellingUpdate();
  const files = new Map(update.files);
  files.delete(update.manifest.module.file);
  const detail = ConversionDetail.parse(describeConversion({ ...update, files }, patches));
  const [shown] = detail.functions;
  assert.equal(shown?.name, 'sk_attach_filter');
  assert.deepEqual(
    shown?.before.map(({ offset }) => offset),
    [0, 5],
  );
  assert.deepEqual(shown?.firstDifference, { before: 5, after: 5 });
  assert.deepEqual(detail.added, ['function check_filter, 32 bytes']);
});
