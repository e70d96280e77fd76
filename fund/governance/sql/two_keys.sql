-- Whether an officer of each nation, two different persons, has signed the payload as it stands (D4), for this kind and
-- subject, and whether that payload contains the facts of the row that takes effect.
CREATE FUNCTION fund_two_keys(proposal uuid, act text, about text, facts jsonb) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT count(DISTINCT s.nation) = 2 AND count(DISTINCT s.person) = 2
      FROM fund_proposal p
      JOIN fund_signature s ON s.proposal_id = p.id AND s.digest = p.digest
     WHERE p.id = fund_two_keys.proposal
       AND p.kind = act AND p.subject = about AND p.state <> 'withdrawn'
       AND p.payload::jsonb @> coalesce(facts, '{}')
$$;
