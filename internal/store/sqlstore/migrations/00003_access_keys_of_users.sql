-- +goose Up

-- A user's record lists the ids of the user's access keys. Those that an earlier
-- version made do not: without the list the user could be deleted or renamed, and
-- the key would be left behind. No revision is taken, since nobody follows the
-- store while it is brought up to date. What is no JSON is left as it is.
UPDATE records SET document = CAST(json_set(CAST(document AS TEXT), '$.accessKeys', json((
    SELECT json_group_array(k.key) FROM records k
    WHERE k.kind = 'access-key' AND k.account = records.account AND k.deleted = 0
      AND CASE WHEN json_valid(CAST(k.document AS TEXT)) THEN lower(json_extract(CAST(k.document AS TEXT), '$.userName')) END = records.key
))) AS BLOB)
WHERE kind = 'user' AND deleted = 0
  AND CASE WHEN json_valid(CAST(document AS TEXT)) THEN json_type(CAST(document AS TEXT), '$.accessKeys') IS NULL END
  AND EXISTS (
    SELECT 1 FROM records k
    WHERE k.kind = 'access-key' AND k.account = records.account AND k.deleted = 0
      AND CASE WHEN json_valid(CAST(k.document AS TEXT)) THEN lower(json_extract(CAST(k.document AS TEXT), '$.userName')) END = records.key
);
