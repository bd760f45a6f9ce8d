-- Only who has prepared a transaction may end it. Nothing is run by that.
ROLLBACK PREPARED :'gid';
