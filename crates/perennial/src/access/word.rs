//! What people may be and what may be done: each word declared once, with its stable text and its titles.

use serde::{Serialize, Serializer};

/// An enum, the list of all its words, their texts and their titles in both languages, from one declaration.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$about:meta])* $word:ident = $text:literal, $title:literal, $title_zh:literal;)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$about])* $word,)* }

        impl $name {
            pub const ALL: &[Self] = &[$(Self::$word),*];

            /// The text it is stored and asked for by; it never changes.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$word => $text,)* }
            }

            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$word => $title,)* }
            }

            /// The title for people who read Chinese.
            #[must_use]
            pub const fn title_zh(self) -> &'static str {
                match self { $(Self::$word => $title_zh,)* }
            }

            /// The word of this text.
            #[must_use]
            pub fn find(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|word| word.name() == text)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.name())
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.name())
            }
        }
    };
}

words! {
    /// What somebody is in the shop; the policies say what that lets them do.
    Role {
        Owner = "owner", "Owner", "所有者";
        Admin = "admin", "Administrator", "管理员";
        Analyst = "analyst", "Analyst", "分析师";
        Marketer = "marketer", "Marketer", "营销人员";
        PrivacyOfficer = "privacy_officer", "Privacy officer", "隐私专员";
        Auditor = "auditor", "Auditor", "审计员";
        /// A program with an API key; no person has it.
        Service = "service", "Service", "服务";
    }
}

words! {
    /// What can be done, and asked of the policies; the scope of an API key is one or more of these.
    Action {
        CustomersRead = "customers:read", "See customers without who they are", "查看客户（不含身份）";
        IdentityRead = "identity:read", "See who customers are, for a stated purpose", "按所述目的查看客户身份";
        EventsWrite = "events:write", "Send in events and orders", "写入事件与订单";
        SegmentsRead = "segments:read", "See segments", "查看分群";
        SegmentsWrite = "segments:write", "Make and change segments", "建立与修改分群";
        ModelsRead = "models:read", "See models and their cards", "查看模型与模型卡";
        ModelsPromote = "models:promote", "Say which model answers", "决定由哪个模型作答";
        QualityRead = "quality:read", "See verdicts on data quality", "查看数据质量结论";
        ImportsRead = "imports:read", "See imports and their rejects", "查看导入与被拒数据";
        JobsRead = "jobs:read", "See jobs", "查看任务";
        JobsStart = "jobs:start", "Start and stop jobs", "启动与停止任务";
        ExportsCreate = "exports:create", "Take tables out as files", "导出表格文件";
        UsersManage = "users:manage", "Invite people and give roles", "邀请人员与授予角色";
        KeysManage = "keys:manage", "Make and revoke API keys", "建立与撤销 API 密钥";
        AuditRead = "audit:read", "Read the audit log", "查看审计日志";
        SettingsRead = "settings:read", "See settings", "查看设置";
        SettingsWrite = "settings:write", "Change settings", "修改设置";
        MetricsRead = "metrics:read", "Read the server's metrics", "读取服务器指标";
        ReportRead = "report:read", "Read the report", "查看报告";
        SelfManage = "self:manage", "Change one's own password, second factor and sessions", "管理自己的密码、双因素与会话";
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_found_by_its_text_and_no_two_share_one() {
        for (place, &role) in Role::ALL.iter().enumerate() {
            assert_eq!((Role::find(role.name()), role as usize), (Some(role), place));
            assert!(!role.title().is_empty() && !role.title_zh().is_ascii());
        }
        for (place, &action) in Action::ALL.iter().enumerate() {
            assert_eq!((Action::find(action.name()), action as usize), (Some(action), place));
            assert!(!action.title().is_empty() && !action.title_zh().is_ascii());
        }
        assert_eq!(Role::find("Owner"), None);
        assert_eq!(Action::find("identity"), None);
    }
}
