//! The shop behind the customers: its calendar, its goods, its campaigns. Built once, shared by all threads.

use super::campaign::{self, Campaign};
use super::clock::{Clock, Moment};
use super::draw::{Draw, Purpose};
use super::product::Assortment;
use super::season::Season;
use super::settings::{Settings, SimulateError};

pub struct Shop {
    pub settings: Settings,
    pub clock: Clock,
    pub season: Season,
    pub assortment: Assortment,
    pub campaigns: Vec<Campaign>,
}

impl Shop {
    pub fn build(settings: &Settings) -> Result<Self, SimulateError> {
        settings.validate()?;
        let mut draw = Draw::stream(settings.seed, 0, Purpose::Shop);
        Ok(Self {
            clock: Clock::for_shop(settings)?,
            season: Season::for_shop(settings),
            assortment: Assortment::draw(&mut draw),
            campaigns: campaign::plan(settings),
            settings: settings.clone(),
        })
    }

    /// The first moment that is not written any more.
    pub fn end(&self) -> Moment {
        Moment::of(self.settings.end(), 0)
    }
}
