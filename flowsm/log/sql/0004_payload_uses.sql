-- payload_uses  which streams' events hold a payload: what no stream uses any more goes with the purge of the last one

CREATE TABLE payload_uses (
    digest TEXT NOT NULL,
    stream TEXT NOT NULL,
    PRIMARY KEY (digest, stream)
) STRICT, WITHOUT ROWID;

CREATE INDEX payload_uses_stream ON payload_uses (stream);

-- What is damaged names no payload: verify tells of it.
INSERT INTO payload_uses (digest, stream)
SELECT DISTINCT json_extract(field.value, '$.digest'), events.stream
FROM events, json_each(CASE WHEN json_valid(events.data) THEN events.data ELSE '{}' END, '$.stored') AS field
WHERE CASE WHEN field.type = 'object' THEN json_extract(field.value, '$.digest') END IS NOT NULL;
