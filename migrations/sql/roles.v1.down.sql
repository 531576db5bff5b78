-- roles.v1.down: take back the roles' rights here; the roles stay, they belong to the whole cluster.

CALL change_rights('REVOKE');
DROP PROCEDURE set_up_roles();
DROP PROCEDURE change_rights(text);
