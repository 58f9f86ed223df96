# shellcheck shell=sh
# Users and groups that packages add, and leave behind when they are purged.
#
# Owns accounts/ of the record.

# kn_keep_accounts, kn_restore_accounts: packages add groups and users and leave them behind when they are purged.
kn_keep_accounts() {
    [ ! -d "$KN_R/accounts" ] || return 0
    (umask 077 && mkdir -p "$KN_R/accounts.new")
    for kn_file in group gshadow passwd shadow subuid subgid group- gshadow- passwd- shadow- subuid- subgid-; do
        [ ! -e "/etc/$kn_file" ] || cp -a "/etc/$kn_file" "$KN_R/accounts.new/$kn_file"
    done
    mv "$KN_R/accounts.new" "$KN_R/accounts"
}

kn_restore_accounts() {
    [ -d "$KN_R/accounts" ] || return 0
    for kn_pair in passwd:userdel group:groupdel; do
        cut -d: -f1 "/etc/${kn_pair%:*}" | while read -r kn_account; do
            ! grep -q "^$kn_account:" "$KN_R/accounts/${kn_pair%:*}" || continue
            # Only those that the packages we brought created: a name that our parts list.
            case " ${KN_ACCOUNTS:-} " in *" $kn_account "*) kn_try 30 "${kn_pair#*:}" "$kn_account" || : ;; esac
        done
    done
    # The tools keep the file before last as "NAME-". If nothing but our own accounts came and went, those are as before.
    for kn_file in group gshadow passwd shadow subuid subgid; do
        [ -e "$KN_R/accounts/$kn_file" ] || continue
        cmp -s "/etc/$kn_file" "$KN_R/accounts/$kn_file" || continue
        if [ -e "$KN_R/accounts/$kn_file-" ]; then cp -a "$KN_R/accounts/$kn_file-" "/etc/$kn_file-"; else rm -f "/etc/$kn_file-"; fi
    done
}
